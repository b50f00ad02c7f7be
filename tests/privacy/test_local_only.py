"""Conversations and sources that stay on this machine, whatever is imported afterwards."""

from dataclasses import replace
from datetime import date, datetime

import pytest
import sqlalchemy as sa

from dreaming.conversation import ConversationId
from dreaming.errors import ConfigurationError, UsageError
from dreaming.home import open_home
from dreaming.importing import ImportReport, read_exports
from dreaming.settings import Settings
from dreaming.sources.database import DatabaseSource
from dreaming.testing import make_conversation
from tests.builders import talk
from tests.sources.test_database import COLUMNS, QUERY, make_database

DAY = date(2026, 3, 1)
MINE = ConversationId("test:mine")


def raw(home, day=DAY):
    with home.store.open_conversations(day) as partition:
        return {row.conversation_id: row.local_only for row in partition.rows()}


def run(home):
    for day in home.pipeline.waiting_days():
        home.pipeline.run_day(day)


def settings_with(tmp_path, **variables):
    return Settings.from_environment(
        {"DREAMING_HOME": str(tmp_path / "home"), "DREAMING_TIMEZONE": "UTC"} | variables
    )


def test_a_mark_of_the_users_outlives_every_import(any_home):
    """Of the same export, a grown one, and one that says the opposite."""
    first = make_conversation(talk(), conversation_id=MINE)
    any_home.archive.add([first])
    run(any_home)
    assert any_home.mark_local_only(MINE, local_only=True) == {DAY}
    assert any_home.pipeline.waiting_days() == [DAY]
    run(any_home)
    assert (raw(any_home), any_home.local_only()) == ({MINE: True}, {MINE})
    for again in (first, make_conversation([*talk(), "more"], conversation_id=MINE)):
        any_home.archive.add([again])
        run(any_home)
        assert (raw(any_home), any_home.archive.is_local_only(MINE)) == ({MINE: True}, True)


def test_a_mark_can_be_taken_back_even_against_the_export(any_home):
    """It is the user's word, not the file's."""
    any_home.archive.add(
        [replace(make_conversation(talk(), conversation_id=MINE), local_only=True)]
    )
    run(any_home)
    assert any_home.local_only() == {MINE}
    any_home.mark_local_only(MINE, local_only=False)
    run(any_home)
    assert (raw(any_home), any_home.local_only(), any_home.archive.is_local_only(MINE)) == (
        {MINE: False},
        set(),
        False,
    )


def test_a_conversation_that_is_not_held_is_named(home):
    """With what shows the ids of those that are."""
    with pytest.raises(
        UsageError, match=r"No conversation 'test:none' is held. `dreaming search --json`"
    ):
        home.mark_local_only(ConversationId("test:none"), local_only=True)


def test_what_is_forgotten_leaves_no_mark(home):
    """Not even its id stays."""
    home.archive.add([make_conversation(talk(), conversation_id=MINE)], local_only=True)
    assert home.local_only() == {MINE}
    home.forget(MINE)
    assert home.local_only() == set()


def test_an_import_marks_what_was_there_before_too(home):
    """`dreaming import --local-only` of an export that is held already."""
    conversation = make_conversation(talk(), conversation_id=MINE)
    home.archive.add([conversation])
    run(home)
    report = home.archive.add([conversation], local_only=True)
    assert (report.unchanged, report.touched_days) == (1, {DAY})
    assert home.archive.add([conversation], local_only=True).touched_days == set()
    run(home)
    assert raw(home) == {MINE: True}


def write_export(folder, name="talk.jsonl"):
    folder.mkdir(exist_ok=True)
    message = '{"role": "user", "content": "tea", "timestamp": "2026-03-01T09:00:00Z"}'
    line = f'{{"id": "tea", "messages": [{message}]}}\n'
    (folder / name).write_text(line)


def test_a_source_is_kept_by_its_name_and_only_while_it_is_named(tmp_path):
    """Also what was imported before."""
    write_export(tmp_path / "exports")
    with open_home(settings_with(tmp_path)) as home:
        home.archive.add(read_exports([tmp_path / "exports"], ImportReport()))
        (held,) = [row.conversation_id for row in home.archive.read_day(DAY)]
        assert home.local_only() == set()
    with open_home(
        settings_with(tmp_path, DREAMING_LOCAL_ONLY_SOURCES="claude_code, openai_messages")
    ) as home:
        assert (home.local_only(), home.archive.is_local_only(held)) == ({held}, True)
        run(home)
        assert raw(home) == {held: True}


def test_a_watched_folder_is_kept_by_its_path(tmp_path):
    """What is imported from it is marked."""
    write_export(tmp_path / "watched")
    folder = str(tmp_path / "watched")
    settings = settings_with(tmp_path, DREAMING_WATCH=folder, DREAMING_LOCAL_ONLY_SOURCES=folder)
    with open_home(settings) as home:
        home.pipeline.refresh()
        run(home)
        assert set(raw(home).values()) == {True}


def test_the_database_is_kept_by_its_name_or_a_conversation_of_it_by_its_id(tmp_path):
    """Its conversations are in no archive."""
    url = f"sqlite:///{tmp_path / 'chats.db'}"
    make_database(url, sa.Text, datetime.isoformat)
    source, day = DatabaseSource("mine", url, QUERY, COLUMNS, "iso"), DAY
    with open_home(settings_with(tmp_path), sources=[source]) as home:
        home.pipeline.run_day(day)
        held = sorted(raw(home, day))
        home.mark_local_only(held[0], local_only=True)
        home.pipeline.run_day(day)
        assert [id for id, is_kept in raw(home, day).items() if is_kept] == held[:1]
        assert home.local_only() == {held[0]}
    with open_home(
        settings_with(tmp_path, DREAMING_LOCAL_ONLY_SOURCES="mine"), sources=[source]
    ) as home:
        assert home.local_only() == set(held)
        assert all(home.archive.is_local_only(each) for each in held)


@pytest.mark.parametrize("named", ["claude-code", "/no/such/folder"])
def test_a_source_that_is_none_is_an_error_that_names_those_that_are(tmp_path, named):
    """What is mistyped would leave."""
    with (
        pytest.raises(
            ConfigurationError,
            match=rf"names '{named}', which is no source. Name some of .*claude_code",
        ),
        open_home(settings_with(tmp_path, DREAMING_LOCAL_ONLY_SOURCES=named)),
    ):
        pass
