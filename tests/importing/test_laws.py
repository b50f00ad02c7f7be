"""Laws: nothing raises, nothing is lost in silence, and the same input gives the same output."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreaming.importing import FORMATS, SkipReason

from .conftest import Imported, import_paths

# Keys that formats look for, so that random objects reach the readers.
KEYS = [
    "id",
    "uuid",
    "mapping",
    "current_node",
    "parent",
    "message",
    "author",
    "role",
    "content",
    "content_type",
    "parts",
    "chat_messages",
    "sender",
    "text",
    "type",
    "parent_message_uuid",
    "sessionId",
    "messages",
    "conversations",
    "from",
    "value",
    "conversation_id",
    "conversationId",
    "messageId",
    "children",
    "parentMessageId",
    "chat",
    "history",
    "currentId",
    "parentId",
    "payload",
    "timestamp",
    "create_time",
    "parentUuid",
    "isSidechain",
    "header",
    "title",
    "time",
    "safeHtmlItem",
    "details",
    "thoughts",
    "toolCalls",
    "tool_calls",
    "function",
    "attachments",
    "files",
    "loglines",
    "created_at",
    "recipient",
]
TEXTS = st.sampled_from(
    [
        "user",
        "assistant",
        "human",
        "tool",
        "text",
        "code",
        "a",
        "b",
        "session_meta",
        "response_item",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=30,
)


def conversation_of(name: str, message: Any) -> Any:
    """The smallest entry that a format recognises, around a value that stands where a message
    should.
    """
    return {
        "dreaming": {"conversation_id": "c", "messages": [message]},
        "chatgpt": {"id": "c", "mapping": {"m": {"id": "m", "parent": None, "message": message}}},
        "claude_ai": {"uuid": "c", "chat_messages": [message]},
        "librechat": {"conversationId": "c", "messages": [message]},
        "open_webui": {"id": "c", "history": {"messages": {"m": message}}},
        "gemini_cli": {"sessionId": "c", "messages": [message]},
        "codex": {"type": "session_meta", "payload": {"id": "c"}, "next": message},
        "claude_code": {"loglines": [message]},
        "gemini_takeout": {
            "header": "Gemini Apps",
            "title": "Prompted x",
            "time": message,
            "safeHtmlItem": message,
        },
        "sharegpt": {"id": "c", "conversations": [{"from": "human", "value": "x"}, message]},
        "openai_messages": {"id": "c", "messages": [{"role": "user", "content": "x"}, message]},
    }[name]


def imported_from(folder: Path, content: str) -> Imported:
    path = folder / "x.json"
    path.write_text(content)
    return import_paths(path)


def is_accounted_for(imported: Imported) -> bool:
    """Whether the file gave a conversation, a counted skip or an error."""
    return bool(imported.conversations or imported.report.skipped or imported.report.errors)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES)
def test_any_json_is_imported_counted_or_refused(folder: Path, value: Any) -> None:
    assert is_accounted_for(imported_from(folder, json.dumps(value)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(entries=st.lists(VALUES, min_size=1, max_size=4))
def test_any_jsonl_is_imported_counted_or_refused(folder: Path, entries: list[Any]) -> None:
    assert is_accounted_for(imported_from(folder, "\n".join(map(json.dumps, entries))))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=VALUES)
def test_any_value_for_a_message_of_any_format_is_survived_the_same_way_twice(
    folder: Path, name: str, message: Any
) -> None:
    content = json.dumps([conversation_of(name, message)])
    first, second = imported_from(folder, content), imported_from(folder, content)
    assert first.file.format == name
    assert first == second
    for found in first.conversations:
        ids = [message.id for message in found.messages]
        assert len(set(ids)) == len(ids)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_imported_counted_or_refused(folder: Path, content: bytes) -> None:
    path = folder / "x.json"
    path.write_bytes(content)
    assert is_accounted_for(import_paths(path))


@settings(max_examples=100, deadline=None)
@given(
    contents=st.lists(
        st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
        max_size=5,
    )
)
def test_every_message_of_our_own_jsonl_is_kept_exactly_or_counted_as_empty(
    folder: Path, contents: list[str]
) -> None:
    messages = [{"role": "user", "content": content} for content in contents]
    imported = imported_from(folder, json.dumps({"conversation_id": "c", "messages": messages}))
    kept = [message.content for found in imported.conversations for message in found.messages]
    assert kept == [content for content in contents if content.strip()]
    assert imported.report.skipped[SkipReason.EMPTY_MESSAGE] == len(contents) - len(kept)


@settings(max_examples=100, deadline=None)
@given(
    contents=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=8),
    cut=st.integers(1, 8),
)
def test_ids_of_a_conversation_stay_when_it_grows(
    folder: Path, contents: list[str], cut: int
) -> None:
    messages = [{"role": "user", "content": content} for content in contents]
    before = imported_from(folder, json.dumps({"messages": messages[:cut]})).conversation
    after = imported_from(folder, json.dumps({"messages": messages})).conversation
    assert after.id == before.id
    assert after.messages[: len(before.messages)] == before.messages


def test_every_reason_to_skip_has_a_sentence() -> None:
    assert all(reason.sentence.endswith(".") for reason in SkipReason)
