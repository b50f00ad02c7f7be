"""Other people's exports, which are not part of the repository: set DREAMING_TEST_DATA to the
folder that has them.

The folder has `exports/**` (files from public repositories, one folder a format) and
`conversations/*.jsonl` (our own format). The table says what every file gives: the format,
conversations and messages, or the refusal.
"""

import os
from pathlib import Path

import pytest

from dreaming.importing import SkipReason

from .conftest import import_paths

DATA = os.environ.get("DREAMING_TEST_DATA")
pytestmark = pytest.mark.skipif(
    not DATA,
    reason="DREAMING_TEST_DATA is unset: the import of foreign exports and conversations is not "
    "tested",
)

POLYLOGUE = "Sinity__polylogue__"
POLYLOGUE_SAMPLES = f"{POLYLOGUE}polylogue__schemas__providers__"
POLYLOGUE_MATRIX = f"{POLYLOGUE}tests__fixtures__origin-capability__"
DUMEE = "lotblocks__DumeeApp__api__server__utils__import____data____"
OPENWEBUI_IMPORTER = "yetanotherchris__openwebui-importer__examples__"
AGENTSVIEW = "wesm__agentsview__internal__parser__testdata__"
VIEWER = "osteele__claude-chat-viewer__testdata__"
CODE_LOG = "daaain__claude-code-log__"

EXPECTED: dict[str, tuple[str, int, int] | str] = {
    # Synthetic content types that have parts, and a branch of one message.
    f"chatgpt/{POLYLOGUE_SAMPLES}chatgpt__representatives__sample-00.json": ("chatgpt", 1, 2),
    f"chatgpt/{POLYLOGUE_SAMPLES}chatgpt__representatives__sample-01.json": ("chatgpt", 1, 3),
    f"chatgpt/{POLYLOGUE_MATRIX}chatgpt-export.json": ("chatgpt", 1, 1),
    # Three entries, one of them without a mapping.
    "chatgpt/danny-avila__LibreChat__chatgpt-modern-export.json": ("chatgpt", 2, 6),
    f"chatgpt/{DUMEE}chatgpt-citations.json": ("chatgpt", 1, 2),
    f"chatgpt/{DUMEE}chatgpt-export.json": ("chatgpt", 2, 19),
    f"chatgpt/{OPENWEBUI_IMPORTER}gpt_example.json": ("chatgpt", 1, 10),
    # Claude.ai's shape; its messages do not say who speaks.
    f"chatgpt/{OPENWEBUI_IMPORTER}invalid_unicode.json": "unknown_role",
    # Synthetic block types fall back to the flat text; attachments have extracted texts.
    f"claude_ai/{POLYLOGUE_SAMPLES}claude-ai__representatives__sample-00.json": (
        "claude_ai",
        1,
        14,
    ),
    f"claude_ai/{POLYLOGUE_SAMPLES}claude-ai__representatives__sample-01.json": (
        "claude_ai",
        1,
        19,
    ),
    f"claude_ai/{POLYLOGUE_MATRIX}claude-ai-export.json": ("claude_ai", 1, 1),
    f"claude_ai/{VIEWER}claude-bakery-chat.json": ("claude_ai", 1, 4),
    f"claude_ai/{VIEWER}conversation-rendering-tests.json": ("claude_ai", 1, 10),
    f"claude_ai/{VIEWER}conversation-with-errors.json": ("claude_ai", 1, 10),
    f"claude_ai/{OPENWEBUI_IMPORTER}claude_thinking_example.json": ("claude_ai", 1, 3),
    # Two sessions, a sidechain, a duplicate, a meta line and an inactive branch in one file.
    f"claude_code/{POLYLOGUE}tests__fixtures__claude-code__claude-normalization-main.jsonl": (
        "claude_code",
        2,
        12,
    ),
    f"claude_code/{POLYLOGUE}tests__fixtures__claude-code__normalization-agent.jsonl": (
        "claude_code",
        1,
        2,
    ),
    f"claude_code/{POLYLOGUE_MATRIX}claude-code-session.jsonl": ("claude_code", 1, 2),
    f"claude_code/{CODE_LOG}test__test_data__representative_messages.jsonl": ("claude_code", 1, 11),
    f"claude_code/{CODE_LOG}test__test_data__session_b.jsonl": ("claude_code", 1, 3),
    f"claude_code/{CODE_LOG}test__test_data__todowrite_examples.jsonl": ("claude_code", 1, 11),
    "claude_code/simonw__claude-code-transcripts__tests__sample_session.json": (
        "claude_code",
        1,
        38,
    ),
    f"claude_code/{AGENTSVIEW}claude__valid_session.jsonl": ("claude_code", 1, 5),
    f"codex/{POLYLOGUE_MATRIX}codex-session.jsonl": ("codex", 1, 2),
    f"codex/{CODE_LOG}rollout-2026-01-02T03-04-05-11111111.jsonl": ("codex", 1, 9),
    f"codex/{AGENTSVIEW}codex__standard_session.jsonl": ("codex", 1, 2),
    f"gemini_cli/{POLYLOGUE_MATRIX}gemini-cli-session.json": ("gemini_cli", 1, 2),
    f"gemini_cli/{AGENTSVIEW}gemini__standard_session.json": ("gemini_cli", 1, 4),
    f"gemini_cli/{AGENTSVIEW}gemini__tool_calls.json": ("gemini_cli", 1, 4),
    "gemini_takeout/jetpack3331__ai-chat-history-manager__examples__gemini.html": (
        "UnknownExportFormat"
    ),
    f"librechat/{DUMEE}librechat-export.json": ("librechat", 1, 6),
    f"librechat/{DUMEE}librechat-linear.json": ("librechat", 1, 2),
    f"librechat/{DUMEE}librechat-opts-nonr-branches.json": ("librechat", 1, 2),
    f"librechat/{DUMEE}librechat-tree.json": ("librechat", 1, 4),
    f"open_webui/{OPENWEBUI_IMPORTER}webui-json.json": ("open_webui", 1, 2),
}


def files_below(folder: str, *endings: str) -> list[Path]:
    return sorted(path for path in (Path(DATA or "") / folder).rglob("*") if path.suffix in endings)


def test_the_table_names_every_export() -> None:
    found = {
        str(path.relative_to(Path(DATA or "") / "exports"))
        for path in files_below("exports", ".json", ".jsonl", ".html")
    }
    assert found == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_foreign_export_gives_what_the_table_says(name: str) -> None:
    imported = import_paths(Path(DATA or "") / "exports" / name)
    expected = EXPECTED[name]
    if isinstance(expected, str):
        reasons = {*imported.skipped, *(error.type for error in imported.report.errors)}
        assert imported.conversations == []
        assert expected in reasons
    else:
        assert (
            imported.file.format,
            imported.report.conversations,
            imported.report.messages,
        ) == expected
        assert imported.report.errors == []


def test_all_exports_together_give_the_sum_of_the_table() -> None:
    imported = import_paths(Path(DATA or "") / "exports")
    tables = [expected for expected in EXPECTED.values() if not isinstance(expected, str)]
    assert imported.report.conversations == sum(conversations for _, conversations, _ in tables)
    assert imported.report.messages == sum(messages for _, _, messages in tables)
    assert (
        len({conversation.id for conversation in imported.conversations})
        == len(imported.conversations) - 1
    ), "two files hold ChatGPT's conversation d6523d1e, and no other two share an id"


@pytest.mark.parametrize(
    "path", files_below("conversations", ".jsonl") if DATA else [], ids=lambda path: path.name
)
def test_our_own_conversations_lose_nothing_but_empty_messages(path: Path) -> None:
    imported = import_paths(path)
    assert imported.file.format == "dreaming"
    assert imported.report.errors == []
    # Some of the source's times are "NaT": those messages are kept without one.
    allowed = {SkipReason.EMPTY_MESSAGE, SkipReason.EMPTY_CONVERSATION, SkipReason.UNREADABLE_TIME}
    assert set(imported.report.skipped) <= allowed
