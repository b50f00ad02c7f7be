"""Files that are cut, misencoded, odd or enormous: what can be read is, and the rest is said."""

import json
import tracemalloc
from pathlib import Path

import pytest

from dreaming.importing import ImportReport, read_exports

from .conftest import ImportContent, as_lines, import_paths


def own(identity: str, content: str = "Hello.") -> dict[str, object]:
    return {"conversation_id": identity, "messages": [{"role": "user", "content": content}]}


def test_a_list_that_is_cut_gives_the_entries_before_the_cut(import_content: ImportContent) -> None:
    whole = json.dumps([own("a"), own("b"), own("c")], indent=1)
    imported = import_content(whole[: whole.index('"c"') + 2])
    assert [found.id for found in imported.conversations] == ["a", "b"]
    assert imported.error.startswith("UnreadableExport: ")
    assert "line 21, column" in imported.error


@pytest.mark.parametrize(
    ("ending", "what"),
    [
        (',"unfinished', "unterminated string"),
        (", oops]", "expecting value"),
        (" {}]", "expected a comma"),
        ("] trailing", "text after the end of the list"),
        ("", "ends too early"),
        (", {'single': 1}]", "double quotes"),
        (", " + "9" * 5000 + "]", "number too long"),
        (", " + "[" * 100_000, "nested too deep"),
    ],
)
def test_a_list_that_breaks_says_where_and_how(
    import_content: ImportContent, ending: str, what: str
) -> None:
    imported = import_content("[" + json.dumps(own("a")) + ending)
    assert [found.id for found in imported.conversations] == ["a"]
    assert what in imported.error
    assert "line 1, column" in imported.error


def test_broken_lines_of_jsonl_are_counted_with_their_places(import_content: ImportContent) -> None:
    lines = as_lines(own("a"), own("b")).splitlines()
    deep = "[" * 5000
    imported = import_content(
        "\n".join(["{broken", lines[0], "", "[1", deep, "9" * 5000, lines[1]])
    )
    assert [found.id for found in imported.conversations] == ["a", "b"]
    assert imported.skipped == {"unreadable_line": 4}
    assert imported.file.unreadable_lines[0] == "line 1, column 2"
    assert imported.report.errors == []


def test_jsonl_without_any_readable_line_is_an_error(import_content: ImportContent) -> None:
    imported = import_content('{"conversation_id": "secret words')
    assert "no line of valid JSON" in imported.error
    assert "line 1, column" in imported.error
    assert "secret" not in imported.error


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_error(import_content: ImportContent, content: bytes) -> None:
    assert "is empty" in import_content(content).error


def test_an_empty_list_holds_no_conversations_and_is_no_error(
    import_content: ImportContent,
) -> None:
    imported = import_content([])
    assert imported.report.errors == []
    assert imported.skipped == {"no_conversations": 1}


@pytest.mark.parametrize(
    "content", ["tea", 3, None, [1, "tea"], {"greeting": "tea"}, [{"a": 1}, {"b": 2}]]
)
def test_an_unknown_format_is_named_by_its_keys_and_types_and_says_what_is_known(
    import_content: ImportContent, content: object
) -> None:
    error = import_content(json.dumps(content)).error
    assert error.startswith("UnknownExportFormat: ")
    assert "chatgpt, claude_ai" in error
    assert "docs/importing.md" in error
    assert "tea" not in error


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("lines", [False, True])
def test_encodings_of_unicode_are_told_apart(
    import_content: ImportContent, encoding: str, lines: bool
) -> None:
    text = "茶 \N{FAMILY} é"
    exported = json.dumps(own("a", text), ensure_ascii=False)
    content = f"{exported}\n{exported}\n" if lines else f"[{exported}]"
    imported = import_content(content.encode(encoding))
    assert imported.conversations[0].messages[0].content == text
    assert imported.report.errors == []


def test_another_encoding_is_an_error_that_names_the_byte(import_content: ImportContent) -> None:
    exported = json.dumps([own("a"), own("b", "café")], ensure_ascii=False).encode("latin-1")
    imported = import_content(exported)
    assert [found.id for found in imported.conversations] == ["a"]
    assert f"byte {exported.index(0xE9):,} does not fit" in imported.error


def test_another_encoding_in_jsonl_costs_its_lines_and_is_an_error(
    import_content: ImportContent,
) -> None:
    lines = [
        json.dumps(own(key, text), ensure_ascii=False)
        for key, text in [("a", "café"), ("b", "tea"), ("c", "é")]
    ]
    exported = "\n".join(lines).encode("latin-1")
    imported = import_content(exported)
    assert [found.id for found in imported.conversations] == ["b"]
    assert imported.skipped == {"unreadable_line": 2}
    assert f"byte {exported.index(0xE9):,} does not fit" in imported.error


def test_a_broken_utf_16_file_keeps_what_comes_before(import_content: ImportContent) -> None:
    for content in (json.dumps([own("a"), own("b")]), as_lines(own("a"), own("b"))):
        imported = import_content(content.encode("utf-16")[:-21])
        assert [found.id for found in imported.conversations] == ["a"]


def test_lone_surrogates_and_nul_are_replaced_and_counted(import_content: ImportContent) -> None:
    raw = (
        r'{"conversation_id": "c\ud800", "title": "t\udc00", "messages": '
        r'[{"id": "i\ud800", "role": "user", "name": "n\u0000", '
        r'"content": "a\ud83d b\u0000 \ud83d\ude00"}]}'
    )
    for content in (raw, f"[{raw}]"):
        imported = import_content(content)
        message = imported.conversation.messages[0]
        assert (imported.conversation.id, imported.conversation.title) == ("c\ufffd", "t\ufffd")
        assert (message.id, message.name, message.content) == (
            "i\ufffd",
            "n\ufffd",
            "a\ufffd b\ufffd 😀",
        )
        assert imported.report.replaced_characters == 6


def test_everything_else_in_a_text_stays_as_it_is(import_content: ImportContent) -> None:
    text = (
        "line\r\nnext\ttab \x07 bell\x7f \u2028 \ue203 \N{WOMAN}\u200d\N{PERSONAL COMPUTER} "
        "e\u0301 \ufeff  "
    )
    assert import_content([own("a", text)]).said == [("user", "text", text)]
    assert import_content(as_lines(own("a", text))).said == [("user", "text", text)]


def test_raw_control_characters_nan_and_repeated_keys_are_read(
    import_content: ImportContent,
) -> None:
    messages = '[{"role": "user", "content": "a\tb"}]'
    exported = (
        f'{{"conversation_id": "x", "conversation_id": "a", "score": NaN, "messages": {messages}}}'
    )
    for content in (exported, f"[{exported}]"):
        assert import_content(content).said == [("user", "text", "a\tb")]


def test_values_that_straddle_the_reading_window_are_whole(import_content: ImportContent) -> None:
    contents = [f"{number} " + "é" * (number % 7 * 100_000 + number) for number in range(40)]
    imported = import_content(
        [own(str(number), content) for number, content in enumerate(contents)]
    )
    assert [found.messages[0].content for found in imported.conversations] == contents


def test_a_message_of_50_megabytes_is_imported(import_content: ImportContent) -> None:
    text = "tea " * 12_500_000
    for content in ([own("a", text)], as_lines(own("a", text))):
        assert import_content(content).said == [("user", "text", text)]


@pytest.mark.long
def test_a_long_list_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    with path.open("w") as file:
        file.write("[" + json.dumps(own("a", "tea " * 250)))
        for number in range(30_000):
            file.write("," + json.dumps(own(str(number), "tea " * 250)))
        file.write("]")
    report = ImportReport()
    tracemalloc.start()
    for _ in read_exports([path], report):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.conversations == 30_001
    assert peak < path.stat().st_size / 2


def test_a_pretty_printed_document_and_several_in_a_row_are_read(
    import_content: ImportContent,
) -> None:
    document = json.dumps(own("a"), indent=2)
    assert import_content(document).conversation.id == "a"
    assert len(import_content(document + "\n" + json.dumps(own("b"), indent=2)).conversations) == 2


def test_entries_that_are_no_objects_are_counted(import_content: ImportContent) -> None:
    imported = import_content([1, own("a"), None, "tea", [own("b")]])
    assert imported.conversation.id == "a"
    assert imported.skipped == {"not_a_conversation": 4}


def test_an_entry_of_another_format_in_a_list_is_counted(import_content: ImportContent) -> None:
    imported = import_content([own("a"), {"uuid": "x", "chat_messages": []}])
    assert imported.skipped == {"not_a_conversation": 1}


def test_a_path_that_does_not_exist_is_an_error_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([own("a")]))
    imported = import_paths(tmp_path / "none.json", tmp_path / "a.json", tmp_path / ("n" * 5000))
    assert imported.conversation.id == "a"
    assert [error.type for error in imported.report.errors] == ["UnreadableExport"] * 2
    assert "none.json" in imported.report.errors[0].message
