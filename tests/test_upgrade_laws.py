"""Upgrades in any order with all else that happens to days: laws 1 to 4 hold after every step."""

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dreaming.buying.executor import DreamingExecutor
from dreaming.chunk import QUALITY_LEVELS, lanes
from dreaming.chunking.drafts import cut_lane
from dreaming.chunking.lane import Lane, read_lane
from dreaming.chunking.rules import RulesChunker
from dreaming.conversation import Conversation, ConversationId, Message, MessageId
from dreaming.errors import UsageError
from dreaming.home import open_home
from dreaming.measuring.checking import check_nothing_lost, check_verbatim
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Limit, request_scope, window_scope
from dreaming.testing import FixedClock, make_settings
from dreaming.testing.fake_vendor import FakeVendor, topics_of
from dreaming.upgrading.terms import UpgradeTerms

DAYS = [date(2026, 3, 1), date(2026, 3, 2)]
IDS = ("test:a", "test:b")
RANK = list(QUALITY_LEVELS)
MONTH_TOKENS = 60_000
SENTENCES = (
    "We should mend the roof of the barn before the rain comes. ",
    "发票付了两次，请再看一下。",
    "The tents for the festival are ordered. ",
    "そのテントはもう届きましたか。",
)


@dataclass(frozen=True)
class EagerRules(RulesChunker):
    """Another segmenter: it sees a topic in every message."""

    @property
    def version(self):
        """Its own."""
        return "rules-eager"

    def cut(self, day, kind):
        lane = read_lane(kind, lanes(day.messages)[kind])
        topics = [n for n, unit in enumerate(lane.units) if n and unit.start == 0]
        return cut_lane(
            Lane(kind, lane.units, [1.0] * len(lane.units), [1.0] * len(lane.units), topics),
            origin=self.version,
        )


class Upgrades(RuleBasedStateMachine):
    """Two conversations over midnight, a vendor that keeps books, and a month's budget for each
    level.
    """

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.vendor = self.stack.enter_context(
            FakeVendor(answer=lambda request: topics_of(request, units_each=3))
        )
        folder = self.stack.enter_context(TemporaryDirectory())
        self.clock = FixedClock()
        self.home = self.stack.enter_context(
            open_home(make_settings(Path(folder)), clock=self.clock)
        )
        for level in ("good", "premium"):
            self.home.ledger.set_limit("anthropic", level, "month", Limit(tokens=MONTH_TOKENS))
        self.messages = {}
        self.requests = []
        self.number = 0

    def teardown(self):
        self.stack.close()

    @initialize()
    def begin(self):
        for name in IDS:
            self.messages[name] = [self.message(n) for n in range(10)]
        self.take_in()

    def message(self, hour):
        """A new message, at an hour from the evening of the first day on."""
        self.number += 1
        said = SENTENCES[self.number % len(SENTENCES)] * (1 + self.number % 7)
        at = datetime(2026, 3, 1, 20, tzinfo=UTC) + timedelta(hours=hour)
        role = "assistant" if self.number % 2 else "user"
        return Message(MessageId(f"m{self.number}"), role, f"{self.number}. {said}", timestamp=at)

    def take_in(self):
        """Import the conversations as they are now, and run their days."""
        self.clock.move(timedelta(minutes=1))
        for name, messages in self.messages.items():
            started = messages[0].timestamp
            conversation = Conversation(
                ConversationId(name), "test", None, started, self.clock(), tuple(messages)
            )
            self.home.archive.add([conversation])
        for day in self.home.pipeline.waiting_days():
            self.home.pipeline.run_day(day)

    def quality(self):
        """(conversation, message, text) -> the rank of each of its code points."""
        ranks = {}
        texts = {
            (name, m.id): m.content for name, messages in self.messages.items() for m in messages
        }
        for chunk in self.rows():
            for span in chunk.spans:
                key = (chunk.conversation_id, span.message_id)
                of_message = ranks.setdefault((*key, texts[key]), {})
                of_message.update(
                    dict.fromkeys(range(span.start, span.end), RANK.index(chunk.quality_level))
                )
        return ranks

    def rows(self):
        for day in self.home.store.days("upgraded_chunks"):
            with self.home.store.open_chunks("upgraded_chunks", day) as chunks:
                yield from list(chunks.rows())

    def keeps_quality(self, act, *, except_request=None, except_messages=()):
        """Law 4: an act makes no code point worse, but of an undone request, or of chunks whose
        text it changed.
        """
        exempt = {
            (chunk.conversation_id, span.message_id)
            for chunk in self.rows()
            for span in chunk.spans
            if chunk.request_id == except_request
            or {s.message_id for s in chunk.spans} & set(except_messages)
        }
        before = self.quality()
        act()
        after = self.quality()
        for (name, message, text), ranks in before.items():
            if (name, message) not in exempt and (name, message, text) in after:
                now = after[name, message, text]
                assert all(now[place] >= rank for place, rank in ranks.items())

    @rule(
        level=st.sampled_from(["good", "premium"]),
        wanted=st.sampled_from(
            [None, "language = zh", "conversation_id = 'test:a'", "quality_level = good"]
        ),
        max_tokens=st.sampled_from([None, 1_500, 10_000]),
        limit=st.sampled_from([None, 1, 3]),
        days=st.sampled_from([DAYS, DAYS[:1], DAYS[1:]]),
        include_undone=st.booleans(),
    )
    def upgrade(self, level, wanted, max_tokens, limit, days, include_undone):
        terms = UpgradeTerms(
            target_quality=level,
            filter=wanted,
            max_tokens=max_tokens,
            limit=limit,
            include_undone=include_undone,
        )
        self.clock.move(timedelta(minutes=1))
        self.requests.append(uuid4().hex)
        self.keeps_quality(lambda: self.run(self.requests[-1], terms, days))

    def run(self, request_id, terms, days):
        settings = ProviderSettings(api_key="sk-fake", base_url=self.vendor.url)
        providers = {"anthropic": ConfiguredProvider("anthropic", settings)}
        executor = DreamingExecutor(self.home, providers, run_id=uuid4().hex)
        result = executor.upgrade(executor.begin(request_id, terms), days)
        assert not result.failed_days
        if terms.limit is not None:
            assert result.chunks_upgraded <= terms.limit

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def resume(self, data):
        request_id = data.draw(st.sampled_from(self.requests))
        terms = self.home.requests.get(request_id).terms
        undone = self.home.purchases.is_undone(request_id)
        with pytest.raises(UsageError, match="was undone") if undone else nullcontext():
            self.keeps_quality(lambda: self.run(request_id, terms, DAYS))

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def undo(self, data):
        request_id = data.draw(st.sampled_from(self.requests))
        self.keeps_quality(lambda: self.home.undo(request_id), except_request=request_id)
        assert all(chunk.request_id != request_id for chunk in self.rows())

    @rule()
    def import_the_same_again(self):
        self.keeps_quality(self.take_in)

    @rule(name=st.sampled_from(IDS), place=st.integers(0, 9))
    def edit(self, name, place):
        message = self.messages[name][place % len(self.messages[name])]
        where = self.messages[name].index(message)

        def act():
            self.messages[name][where] = replace(
                message, content=message.content + " Or perhaps not."
            )
            self.take_in()

        self.keeps_quality(act, except_messages=[message.id])

    @rule(name=st.sampled_from(IDS), place=st.integers(0, 9))
    def insert_a_late_message(self, name, place):
        where = place % len(self.messages[name])
        neighbours = [m.id for m in self.messages[name][max(where - 1, 0) : where + 1]]

        def act():
            before = self.messages[name][where].timestamp
            self.messages[name].insert(where, replace(self.message(0), timestamp=before))
            self.take_in()

        self.keeps_quality(act, except_messages=neighbours)

    @precondition(lambda self: min(map(len, self.messages.values())) > 4)
    @rule(name=st.sampled_from(IDS), place=st.integers(0, 9))
    def delete(self, name, place):
        where = place % len(self.messages[name])
        around = [m.id for m in self.messages[name][max(where - 1, 0) : where + 2]]

        def act():
            del self.messages[name][where]
            self.take_in()

        self.keeps_quality(act, except_messages=around)

    @rule(chunker=st.sampled_from([RulesChunker(), EagerRules()]), days=st.permutations(DAYS))
    def backfill_with_a_segmenter(self, chunker, days):
        def act():
            for day in days:
                self.home.pipeline.chunk(day, chunker=chunker)
                self.home.pipeline.publish(day)

        self.keeps_quality(act)

    @rule()
    def lose_the_partitions(self):
        served = len(self.vendor.books.served)
        kept = [
            self.without_birth(chunk) for chunk in self.rows() if chunk.quality_level != "basic"
        ]
        for asset in ("raw_conversations", "basic_chunks", "upgraded_chunks"):
            for day in self.home.store.days(asset):
                Path(self.home.store.path(asset, day)).unlink()
        for day in DAYS:
            self.home.pipeline.run_day(day)
        assert [
            self.without_birth(chunk) for chunk in self.rows() if chunk.quality_level != "basic"
        ] == kept
        assert len(self.vendor.books.served) == served

    def without_birth(self, chunk):
        """What lies beneath may have been cut by another segmenter before."""
        return replace(chunk, supersedes=(), ordinal=0)

    @invariant()
    def every_day_is_whole_and_searchable(self):
        """Law 1."""
        for day in self.home.store.days("upgraded_chunks"):
            assert check_verbatim(self.home.store, "upgraded_chunks", day).passed
            assert check_nothing_lost(self.home.store, self.home.index, day).passed

    @invariant()
    def no_budget_is_overspent(self):
        """Law 2: by the vendor's own books."""
        months = [
            window_scope("anthropic", level, "month", self.clock()) for level in ("good", "premium")
        ]
        balances = [self.home.ledger.balance(month) for month in months]
        assert all(balance.used.tokens <= MONTH_TOKENS for balance in balances)
        assert sum(balance.used.tokens for balance in balances) == self.vendor.books.charged_tokens
        for request_id in self.requests:
            balance = self.home.ledger.balance(request_scope(request_id))
            assert balance.limit.tokens is None or balance.used.tokens <= balance.limit.tokens

    @invariant()
    def nothing_is_paid_for_twice(self):
        """Law 3: the vendor was never asked the same again."""
        asked = [(one.model, one.content) for one in self.vendor.books.served]
        assert len(asked) == len(set(asked))

    @invariant()
    def what_rows_cost_is_what_was_charged_for_them(self):
        """No more than the ledger: each token is in one chunk."""
        assert sum(chunk.tokens_used for chunk in self.rows()) <= self.vendor.books.charged_tokens


TestUpgradesInAnyOrder = Upgrades.TestCase
TestUpgradesInAnyOrder.settings = hypothesis_settings(
    max_examples=10, stateful_step_count=12, deadline=None
)
