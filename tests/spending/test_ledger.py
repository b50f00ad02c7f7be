"""The ledger: law 2 (never over) and law 3 (never twice), over any order of what may happen."""

import sqlite3
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from dreaming.errors import StorageError, UsageError
from dreaming.model_call import Answer, FailureReason
from dreaming.money import Amount
from dreaming.processes import this_process
from dreaming.spending.budgets import Limit, request_scope, window_scope
from dreaming.spending.call_rows import mark_unusable
from dreaming.spending.ledger import Ledger
from dreaming.spending.reservations import AlreadyAsked, NoRoom, Reserved
from dreaming.storage.database import open_database
from dreaming.storage.tables import calls, scopes
from dreaming.testing import FixedClock
from tests.spending.builders import answer, failure, reservation

SCOPE = request_scope("R")


@pytest.fixture
def ledger(any_home):
    any_home.ledger.open_scope(SCOPE, Limit(tokens=1_000))
    return any_home.ledger


def reserve(ledger, key="k", tokens=600, scopes=(SCOPE,)):
    return ledger.reserve(reservation(key, scopes, tokens)).result()


def settle(ledger, call_id, outcome, cost=0):
    ledger.settle(call_id, outcome, cost=cost).result()


def state_of(ledger, call_id):
    with ledger.database.read() as connection:
        return connection.execute(
            sa.select(calls.c.state).where(calls.c.call_id == call_id)
        ).scalar_one()


def test_a_reservation_holds_the_worst_case_and_gives_back_what_was_not_used(ledger):
    """Reserve 600 of 1,000, use 150."""
    reserved = reserve(ledger)
    assert isinstance(reserved, Reserved)
    assert ledger.balance(SCOPE).room == Limit(tokens=400)
    settle(ledger, reserved.call_id, answer(150), cost=7)
    assert ledger.balance(SCOPE).spent == Amount(150, 7)
    assert ledger.balance(SCOPE).room == Limit(tokens=850)


def test_what_does_not_fit_may_wait_for_others_and_only_then_is_refused(ledger):
    """While a call is under way it may give back enough; when none is, there is no hope."""
    first = reserve(ledger, "a")
    second = reserve(ledger, "b")
    assert isinstance(second, NoRoom)
    assert second.may_fit_later
    settle(ledger, first.call_id, answer(500))
    third = reserve(ledger, "b")
    assert isinstance(third, NoRoom)
    assert not third.may_fit_later
    assert isinstance(reserve(ledger, "c", tokens=500), Reserved)


@pytest.mark.parametrize(
    ("outcome", "state", "spent"),
    [
        (answer(150), "settled", 150),
        (failure("released", FailureReason.RATE_LIMITED), "released", 0),
        (failure("unknown"), "unknown", 600),
        (failure("charged", FailureReason.UNREADABLE), "settled", 600),
    ],
)
def test_an_outcome_decides_what_stays_counted(ledger, outcome, state, spent):
    """What may have been charged counts as it was reserved."""
    call_id = reserve(ledger).call_id
    settle(ledger, call_id, outcome)
    assert (state_of(ledger, call_id), ledger.balance(SCOPE).used.tokens) == (state, spent)


def test_a_late_settlement_is_accepted_once(ledger):
    """The reply to a call that was taken for lost arrives after
    all; a second one changes nothing.
    """
    call_id = reserve(ledger).call_id
    settle(ledger, call_id, failure("unknown"))
    settle(ledger, call_id, answer(100))
    settle(ledger, call_id, answer(300))
    settle(ledger, call_id, failure("released"))
    assert (state_of(ledger, call_id), ledger.balance(SCOPE).used.tokens) == ("settled", 100)


def test_a_person_can_say_what_became_of_an_unknown_call(ledger):
    """Charged or not, once."""
    charged, released = (reserve(ledger, key, tokens=400).call_id for key in "ab")
    for call_id in (charged, released):
        settle(ledger, call_id, failure("unknown"))
    ledger.resolve(charged, charged=True)
    ledger.resolve(released, charged=False)
    assert ledger.balance(SCOPE).used.tokens == 400
    with pytest.raises(UsageError, match="is released; only one whose cost is unknown"):
        ledger.resolve(released, charged=True)
    with pytest.raises(UsageError, match="'nothing' is not in the ledger"):
        ledger.resolve("nothing", charged=True)


def test_an_equal_call_is_made_once_at_a_time_and_answered_from_the_ledger(ledger):
    """Whoever asks the same meanwhile is told so, and afterwards gets the reply."""
    first = reserve(ledger, "same", tokens=100)
    assert isinstance(reserve(ledger, "same", tokens=100), AlreadyAsked)
    settle(ledger, first.call_id, answer(50, text="the reply"))
    again = reserve(ledger, "same", tokens=100)
    assert isinstance(again, Answer)
    assert (again.text, again.stored, again.call_id) == ("the reply", True, first.call_id)
    ledger.write(lambda connection: mark_unusable(connection, [first.call_id])).result()
    assert ledger.reply("same", ask_again=True) is None
    assert ledger.reply("same") == again


def test_a_call_that_used_more_than_it_reserved_is_booked_in_full_and_closes_its_scopes(
    ledger, caplog
):
    """It raises an alarm; setting a limit anew opens a window again."""
    month = window_scope("anthropic", "good", "month", ledger.clock())
    call_id = reserve(ledger, tokens=100, scopes=(month, SCOPE)).call_id
    settle(ledger, call_id, answer(130))
    assert "used 130 tokens" in caplog.text
    assert ledger.balance(SCOPE).spent.tokens == 130
    refused = reserve(ledger, "b", tokens=1)
    assert isinstance(refused, NoRoom)
    assert "more than the 100 tokens" in refused.balance.closed
    assert isinstance(reserve(ledger, "c", tokens=1, scopes=(month,)), NoRoom)
    ledger.set_limit("anthropic", "good", "month", Limit(tokens=1_000))
    assert isinstance(reserve(ledger, "d", tokens=1, scopes=(month,)), Reserved)


def test_a_window_has_the_limit_that_stands(ledger, clock):
    """The month that is under way too, and the next one begins anew; what is declared as spent
    elsewhere counts.
    """
    ledger.set_limit("anthropic", "good", "month", Limit(tokens=1_000))
    november = window_scope("anthropic", "good", "month", clock())
    ledger.declare_elsewhere(november, tokens=700)
    assert isinstance(reserve(ledger, "a", tokens=400, scopes=(november,)), NoRoom)
    assert isinstance(reserve(ledger, "b", tokens=300, scopes=(november,)), Reserved)
    clock.move(timedelta(days=10))
    assert isinstance(
        reserve(
            ledger, "c", tokens=1_000, scopes=(window_scope("anthropic", "good", "month", clock()),)
        ),
        Reserved,
    )
    assert ledger.window_balances("anthropic", "good")["month"].room.tokens == 0


def test_money_is_a_limit_too(ledger):
    """Whichever is reached first."""
    ledger.open_scope(request_scope("M"), Limit(tokens=10**9, picodollars=1_000))
    assert isinstance(
        ledger.reserve(reservation("a", (request_scope("M"),), 1, 1_001)).result(), NoRoom
    )
    assert isinstance(
        ledger.reserve(reservation("b", (request_scope("M"),), 1, 1_000)).result(), Reserved
    )


def test_the_reservations_of_a_dead_process_become_unknown_and_stay_counted(ledger, clock):
    """By its identity on this machine, however long it waits; on another one when the lease is
    over.
    """
    lost, far, alive = (reserve(ledger, key, tokens=200).call_id for key in "abc")
    own = str(this_process())
    with ledger.database.write() as connection:
        for call_id, owner in (
            (lost, own.rsplit("|", 1)[0] + "|1.0"),
            (far, "elsewhere|b|1|1.0"),
        ):
            connection.execute(calls.update().where(calls.c.call_id == call_id).values(owner=owner))
    assert ledger.give_up_dead() == 1
    assert [state_of(ledger, each) for each in (lost, far, alive)] == [
        "unknown",
        "reserved",
        "reserved",
    ]
    assert ledger.balance(SCOPE).used.tokens == 600
    clock.move(timedelta(minutes=3))
    assert ledger.give_up_dead() == 1
    assert [state_of(ledger, each) for each in (lost, far, alive)] == [
        "unknown",
        "unknown",
        "reserved",
    ]
    settle(ledger, alive, answer(50))
    assert ledger.balance(SCOPE).used.tokens == 450


def test_a_ledger_that_is_locked_says_so_and_reserves_nothing(home, monkeypatch):
    """The writer waits for its turn, and gives up with what to do."""
    monkeypatch.setattr("dreaming.storage.database.LOCK_PATIENCE_SECONDS", 0.3)
    home.ledger.open_scope(SCOPE, Limit(tokens=1_000))
    with sqlite3.connect(home.settings.home / "ledger.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StorageError, match=r"ledger database at .* refused: database is locked"
        ):
            reserve(home.ledger)
        other.execute("ROLLBACK")
    assert isinstance(reserve(home.ledger), Reserved)


LIMIT = 1_000
KEYS = st.sampled_from("abcdefgh")


class LedgerMachine(RuleBasedStateMachine):
    """Two processes share a ledger; calls end in every way, late and twice; processes die."""

    open_calls = Bundle("open_calls")
    lost_calls = Bundle("lost_calls")

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(TemporaryDirectory())
        self.clock = FixedClock()
        self.ledgers = []
        for _ in range(2):
            database = open_database("ledger", home=Path(folder), database_url=None)
            self.stack.callback(database.close)
            self.ledgers.append(Ledger(database, self.clock))
            self.stack.callback(self.ledgers[-1].close)
        self.month = window_scope("anthropic", "good", "month", self.clock())
        self.ledgers[0].open_scope(SCOPE, Limit(tokens=LIMIT, picodollars=3 * LIMIT))
        self.ledgers[0].set_limit("anthropic", "good", "month", Limit(tokens=2 * LIMIT))
        self.charged = {}
        self.needs = {}

    def teardown(self):
        self.stack.close()

    @rule(
        target=open_calls,
        who=st.integers(0, 1),
        key=KEYS,
        tokens=st.integers(1, 400),
        dear=st.integers(1, 5),
    )
    def reserve(self, who, key, tokens, dear):
        wanted = reservation(key, (self.month, SCOPE), tokens, tokens * dear)
        before = self.ledgers[who].balance(SCOPE)
        result = self.ledgers[who].reserve(wanted).result()
        if not isinstance(result, Reserved):
            if isinstance(result, NoRoom) and result.balance.scope_id == SCOPE:
                assert not before.fits(wanted.need)
            return ("", 0, 0)
        self.needs[result.call_id] = wanted.need
        return (result.call_id, tokens, dear)

    @rule(
        call=consumes(open_calls),
        who=st.integers(0, 1),
        share=st.floats(0, 1),
        times=st.integers(1, 2),
    )
    def settle(self, call, who, share, times):
        call_id, tokens, dear = call
        used = int(tokens * share)
        for _ in range(times):
            self.ledgers[who].settle(call_id, answer(used), cost=used * dear).result()
        if call_id:
            self.charged[call_id] = Amount(used, used * dear)

    @rule(call=consumes(open_calls), who=st.integers(0, 1))
    def release(self, call, who):
        self.ledgers[who].settle(call[0], failure("released")).result()

    @rule(target=lost_calls, call=consumes(open_calls), who=st.integers(0, 1))
    def lose(self, call, who):
        self.ledgers[who].settle(call[0], failure("unknown")).result()
        return call

    @rule(target=lost_calls, call=consumes(open_calls))
    def crash(self, call):
        with self.ledgers[0].database.write() as connection:
            dead = str(this_process()).rsplit("|", 1)[0] + "|1.0"
            connection.execute(calls.update().where(calls.c.call_id == call[0]).values(owner=dead))
        self.ledgers[1].give_up_dead()
        return call

    @rule(call=consumes(lost_calls), who=st.integers(0, 1), share=st.floats(0, 1))
    def settle_late(self, call, who, share):
        self.settle(call, who, share, 1)

    @rule(call=consumes(lost_calls), charged=st.booleans())
    def resolve(self, call, charged):
        if call[0]:
            self.ledgers[0].resolve(call[0], charged=charged)

    @invariant()
    def never_over(self):
        balance = self.ledgers[0].balance(SCOPE)
        assert not balance.used.exceeds(Amount(LIMIT, 3 * LIMIT))
        assert balance.closed is None
        actually = sum(self.charged.values(), Amount())
        assert not actually.exceeds(balance.spent)

    @invariant()
    def the_scopes_are_the_sums_of_their_calls(self):
        with self.ledgers[0].database.read() as connection:
            rows = connection.execute(sa.select(calls)).mappings().all()
            kept = {
                row["scope_id"]: row for row in connection.execute(sa.select(scopes)).mappings()
            }
        reserved = [row for row in rows if row["state"] == "reserved"]
        for scope in (SCOPE, self.month):
            assert kept[scope]["reserved_tokens"] == sum(row["reserved_tokens"] for row in reserved)
            assert kept[scope]["spent_tokens"] == sum(row["counted_tokens"] for row in rows)
            assert kept[scope]["spent_picodollars"] == sum(row["cost_picodollars"] for row in rows)
        for row in rows:
            assert row["state"] in ("reserved", "settled", "released", "unknown")
            assert row["state"] != "unknown" or row["counted_tokens"] == row["reserved_tokens"]


TestLedgerOverAnyOrder = LedgerMachine.TestCase
TestLedgerOverAnyOrder.settings = hypothesis_settings(
    max_examples=25, stateful_step_count=25, deadline=None
)
