"""Ids that stay when an export grows, and times in every notation."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dreaming.importing import FileReport
from dreaming.importing.json_values import JsonValue
from dreaming.importing.times import read_time

from .conftest import ImportContent, as_lines, import_paths


def own(*contents: str, **extra: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": content} for content in contents]} | extra


def test_a_grown_conversation_keeps_the_ids_of_its_old_messages(
    import_content: ImportContent,
) -> None:
    before = import_content(as_lines(own("One", "Two", "One"))).conversation
    after = import_content(as_lines(own("One", "Two", "One", "Three", "One"))).conversation
    assert after.id == before.id
    assert after.messages[:3] == before.messages


def test_an_inserted_message_changes_no_other_id(import_content: ImportContent) -> None:
    before = import_content(as_lines(own("One", "Two"))).ids
    after = import_content(as_lines(own("One", "Between", "Two"))).ids
    assert [after[0], after[2]] == before


def test_an_id_does_not_depend_on_the_place_in_the_file_or_on_its_name(
    import_content: ImportContent,
) -> None:
    alone = import_content(as_lines(own("One")), "a.jsonl").conversation
    later = import_content(as_lines(own("Zero"), own("One")), "b.jsonl").conversations[1]
    assert later == alone


def test_conversations_that_begin_alike_are_numbered_within_an_import(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(as_lines(own("Hi", name), own("Hi", name, "!")))
    ids = [conversation.id for conversation in import_paths(tmp_path).conversations]
    assert len(set(ids)) == 4
    assert ids[1:] == [f"{ids[0]}~2", f"{ids[0]}~3", f"{ids[0]}~4"]


def test_the_start_time_tells_equal_first_messages_apart(import_content: ImportContent) -> None:
    entries = [own("Hi", created_at=f"2025-01-0{day}T00:00:00Z") for day in (1, 2)]
    first, second = import_content(as_lines(*entries)).conversations
    assert "~" not in second.id
    assert first.id != second.id


def test_message_ids_that_the_source_repeats_are_numbered_in_order(
    import_content: ImportContent,
) -> None:
    messages = [
        {"id": identity, "role": "user", "content": identity}
        for identity in ("a", "a~2", "a", "a", "b")
    ]
    assert import_content(as_lines({"conversation_id": "c", "messages": messages})).ids == [
        "a",
        "a~2",
        "a~3",
        "a~4",
        "b",
    ]


@pytest.mark.parametrize(
    "written",
    [
        1714521600,
        1714521600.0,
        1714521600000,
        1714521600000000,
        "1714521600",
        "1714521600.000",
        "2024-05-01T00:00:00Z",
        "2024-05-01T00:00:00",
        "2024-05-01 00:00:00",
        "2024-05-01",
        "2024-05-01T09:00:00+09:00",
        "2024-05-01T00:00:00.000000000Z",
    ],
)
def test_a_time_is_read_in_every_notation(written: JsonValue) -> None:
    report = FileReport("x")
    assert read_time(written, report) == datetime(2024, 5, 1, tzinfo=UTC)
    assert not report.skipped


@pytest.mark.parametrize(
    "written",
    [
        0,
        -5,
        1e300,
        float("nan"),
        float("inf"),
        True,
        [],
        {},
        "soon",
        "NaT+09:00",
        "0001-01-01",
        "9999-12-31T23:59:59-23:00",
    ],
)
def test_what_is_no_time_gives_none_and_is_counted(written: JsonValue) -> None:
    report = FileReport("x")
    assert read_time(written, report) is None
    assert {str(reason): count for reason, count in report.skipped.items()} == {
        "unreadable_time": 1
    }


def test_a_missing_time_is_not_counted() -> None:
    report = FileReport("x")
    assert read_time(None, report) is None
    assert read_time("", report) is None
    assert not report.skipped


def test_a_conversation_starts_and_is_updated_when_its_messages_say_if_nothing_else_does(
    import_content: ImportContent,
) -> None:
    messages = [
        {"role": "user", "content": str(second), "timestamp": f"2024-05-01T00:00:0{second}Z"}
        for second in (2, 5, 3)
    ]
    found = import_content(as_lines({"messages": messages})).conversation
    assert found.started_at == datetime(2024, 5, 1, 0, 0, 2, tzinfo=UTC)
    assert found.updated_at == datetime(2024, 5, 1, 0, 0, 5, tzinfo=UTC)
    undated = import_content(as_lines(own("Hi"))).conversation
    assert (undated.started_at, undated.updated_at) == (None, None)
