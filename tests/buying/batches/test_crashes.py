"""A process that dies between reserving, submitting and writing down: nothing is paid twice."""

from datetime import timedelta

import pytest

from dreaming.buying.settling import ARRIVES_WITHIN
from dreaming.spending.batches import SUBMITTED_WITHIN
from dreaming.testing.fake_vendor import Fault
from tests.buying.batches.builders import (
    Crash,
    assert_all_good,
    assert_books_agree,
    collect,
    die,
    states,
    upgrade,
    upgrade_and_crash,
)


@pytest.mark.usefixtures("number")
def test_a_crash_before_a_batch_is_written_down_frees_what_it_reserved(
    home_of_talk, vendor, provider, monkeypatch
):
    """Nothing was sent: the next run asks for all of it."""
    home = home_of_talk
    upgrade_and_crash(home, vendor, provider, monkeypatch, "intend")
    assert not vendor.batches.all
    assert upgrade(home, vendor, provider, run_id="again").pending["calls"] == 4
    collect(home, vendor, provider)
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


@pytest.mark.usefixtures("number")
def test_a_crash_between_record_and_submit_gives_it_to_the_vendor_once(
    home_of_talk, vendor, provider, monkeypatch, clock
):
    """The vendor is asked, has no such batch, and what was reserved is free when it cannot be on
    its way any more.
    """
    home = home_of_talk

    async def crash(*_args, **_kwargs):
        raise Crash

    monkeypatch.setattr("dreaming.buying.outbox._submit_once", crash)
    with pytest.raises(Crash):
        upgrade(home, vendor, provider)
    die(home, monkeypatch)
    assert not vendor.batches.all
    assert states(home) == {"intended": 1}
    collect(home, vendor, provider)
    assert states(home) == {"intended": 1}
    clock.move(ARRIVES_WITHIN)
    [result] = collect(home, vendor, provider)
    assert result.pending["calls"] == 4
    assert len(vendor.batches.all) == 1
    collect(home, vendor, provider)
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


def test_a_crash_between_submit_and_record_finds_the_batch_at_the_vendor(
    home_of_talk, vendor, provider, monkeypatch, number
):
    """It is not given again, nor is another one taken for it."""
    home = home_of_talk
    vendor.batches.held = number % 2 == 1
    upgrade(home, vendor, provider, request_id="other", filter="conversation_id = 'test:3'")
    upgrade_and_crash(home, vendor, provider, monkeypatch, "note_submitted")
    assert len(vendor.batches.all) == 2
    if vendor.batches.held:
        collect(home, vendor, provider)
        vendor.batches.held = False
    for _ in range(2):
        collect(home, vendor, provider)
    assert len(vendor.books.served) == 4
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


@pytest.mark.usefixtures("number")
@pytest.mark.parametrize(
    "fault", [Fault("cut"), Fault("reset"), Fault.of_status(500), Fault.of_status(429)]
)
@pytest.mark.parametrize("uploads_fail", [False, True])
def test_an_answer_that_says_nothing_is_found_out(
    home_of_talk, vendor, provider, fault, uploads_fail, clock, monkeypatch
):
    """The vendor has it or not: its own list tells."""
    vendor.batches.uploads_fail = uploads_fail
    monkeypatch.setattr("dreaming.providers.retrying.FIRST_PAUSE_SECONDS", 0.001)
    home = home_of_talk
    vendor.break_next(fault)
    upgrade(home, vendor, provider)
    for _ in range(3):
        clock.move(max(ARRIVES_WITHIN, SUBMITTED_WITHIN) + timedelta(seconds=1))
        collect(home, vendor, provider)
    upgrade(home, vendor, provider, run_id="again")
    collect(home, vendor, provider)
    assert_all_good(home)
    assert len([one for one in vendor.books.served if one.charged_tokens]) == 4
    assert_books_agree(home, vendor, provider)
