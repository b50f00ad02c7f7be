"""What was imported: the newest version of each conversation, in whichever order versions come."""

import multiprocessing
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from dreaming.errors import UsageError
from dreaming.home import open_home
from dreaming.testing import make_conversation, make_settings

MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)


def held(home, day=date(2026, 3, 1)):
    return {
        row.conversation_id: [m.content for m in row.messages] for row in home.archive.read_day(day)
    }


def test_the_same_export_again_adds_nothing(any_home):
    """Neither conversations nor days with news."""
    talk = make_conversation(["hello", "hi"])
    assert any_home.archive.add([talk]).added == 1
    again = any_home.archive.add([talk])
    assert (again.added, again.updated, again.unchanged, again.touched_days) == (0, 0, 1, set())


def test_a_grown_export_adds_only_what_is_new(any_home):
    """The old messages keep their ids; only the day of the new one has news."""
    old = make_conversation(["hello", "hi"])
    any_home.archive.add([old])
    grown = make_conversation(["hello", "hi", "and now?"], step=timedelta(hours=8))
    report = any_home.archive.add([grown])
    assert (report.updated, report.new_messages) == (1, 1)
    assert date(2026, 3, 2) in report.touched_days
    assert held(any_home, date(2026, 3, 2)) == {"test:1": ["and now?"]}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_version_wins_in_whichever_order_they_come(home, order):
    """An older export after a newer one changes nothing."""
    versions = [
        make_conversation(["one"]),
        make_conversation(["one", "two"]),
        make_conversation(["one", "three!", "x"]),
    ]
    for index in order:
        home.archive.add([versions[index]])
    assert held(home) == {"test:1": ["one", "three!", "x"]}


def test_of_two_undated_versions_the_one_that_only_lacks_messages_is_older(home):
    """A cut export does not take messages away."""
    home.archive.add([make_conversation(["a", "b"], at=None)])
    report = home.archive.add([make_conversation(["a"], at=None)])
    assert report.older == 1
    assert held(home, date(2026, 11, 23)) == {"test:1": ["a", "b"]}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_version_offered_again_with_a_later_time_is_as_new_as_that(home, order):
    """Content that came back counts with its newest time."""
    hours = [("A", 10), ("A", 12), ("B", 11)]
    for index in order:
        content, hour = hours[index]
        home.archive.add([make_conversation([content], updated_at=MARCH + timedelta(hours=hour))])
    assert held(home) == {"test:1": ["A"]}


def import_many(home_path, database_url, first):
    with open_home(make_settings(home_path, database_url=database_url)) as home:
        home.archive.add(
            [
                make_conversation(["a"], conversation_id=f"test:{n}")
                for n in range(first, first + 40)
            ]
        )


@pytest.mark.long
def test_imports_at_once_of_the_same_conversations_add_each_once(any_home):
    """From several processes, on both dialects."""
    context = multiprocessing.get_context("spawn")
    settings = any_home.settings
    importers = [
        context.Process(target=import_many, args=(settings.home, settings.database_url, first))
        for first in (0, 10, 20, 0)
    ]
    for importer in importers:
        importer.start()
    for importer in importers:
        importer.join(60)
    assert [importer.exitcode for importer in importers] == [0] * 4
    assert len(held(any_home)) == 60


def test_a_conversation_whose_times_cannot_be_believed_stays_when_the_zone_moves(home, clock):
    """It keeps the day of its import."""
    home.archive.add([make_conversation(["a"], at=datetime(1970, 1, 1, tzinfo=UTC))])
    clock.move(timedelta(days=5))
    assert home.archive.move_time_zone("Asia/Tokyo") == set()


def test_two_versions_of_the_same_moment_settle(home):
    """The last one wins, and importing both again changes nothing."""
    versions = [
        make_conversation([f"as {name} tells it"], updated_at=MARCH) for name in ("one", "another")
    ]
    home.archive.add(versions)
    again = home.archive.add(versions)
    assert (again.updated, again.older, again.unchanged) == (0, 1, 1)
    assert held(home) == {"test:1": ["as another tells it"]}


def test_an_undated_conversation_stays_on_the_day_it_got(home, clock):
    """Even when it grows on a later day."""
    home.archive.add([make_conversation(["a"], at=None)])
    clock.move(timedelta(days=3))
    home.archive.add([make_conversation(["a", "b"], at=None)])
    assert held(home, date(2026, 11, 23)) == {"test:1": ["a", "b"]}


def test_a_message_that_is_gone_leaves_and_its_day_has_news(home):
    """The newer version decides what the conversation is."""
    home.archive.add([make_conversation(["a", "b", "c"])])
    report = home.archive.add([make_conversation(["a", "c"], updated_at=MARCH + timedelta(days=1))])
    assert report.touched_days == {date(2026, 3, 1)}
    assert held(home) == {"test:1": ["a", "c"]}


def test_a_new_title_is_news_for_every_day_of_the_conversation(home):
    """`raw_conversations` shows the title."""
    home.archive.add([make_conversation(["a"], title="old")])
    report = home.archive.add([make_conversation(["a"], title="new")])
    assert report.touched_days == {date(2026, 3, 1)}
    assert [row.title for row in home.archive.read_day(date(2026, 3, 1))] == ["new"]


def test_days_with_news_wait_until_they_are_published(any_home):
    """And wait again when news comes in the meantime."""
    archive, day = any_home.archive, date(2026, 3, 1)
    archive.add([make_conversation(["a"])])
    revision = archive.revision(day)
    archive.add([make_conversation(["b"], conversation_id="test:2")])
    archive.mark_published(day, revision)
    assert archive.pending_days() == [day]
    archive.mark_published(day, archive.revision(day))
    assert archive.pending_days() == []


def test_a_forgotten_conversation_does_not_come_back(home):
    """Unless the user says so."""
    talk = make_conversation(["a"])
    home.archive.add([talk])
    assert home.archive.forget(talk.id) == {date(2026, 3, 1)}
    assert home.archive.add([talk]).forgotten == 1
    assert held(home) == {}
    home.archive.add([make_conversation(["other"], conversation_id="test:2")], again=True)
    assert home.archive.add([talk]).forgotten == 1
    assert home.archive.add([talk], again=True).added == 1


def test_another_time_zone_is_refused_until_the_days_are_moved(tmp_path):
    """The message says which command moves them."""
    with open_home(make_settings(tmp_path, time_zone="UTC")) as home:
        home.archive.add([make_conversation(["late"], at=datetime(2026, 3, 1, 20, tzinfo=UTC))])
    with (
        pytest.raises(UsageError, match="dreaming timezone Asia/Tokyo"),
        open_home(make_settings(tmp_path, time_zone="Asia/Tokyo")),
    ):
        pass
    with open_home(make_settings(tmp_path, time_zone="UTC")) as home:
        assert home.archive.move_time_zone("Asia/Tokyo") == {date(2026, 3, 1), date(2026, 3, 2)}
    with open_home(make_settings(tmp_path, time_zone="Asia/Tokyo")) as home:
        assert held(home, date(2026, 3, 2)) == {"test:1": ["late"]}
        assert home.archive.pending_days() == [date(2026, 3, 1), date(2026, 3, 2)]
