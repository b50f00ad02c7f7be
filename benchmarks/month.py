"""What a month's budget gains: 30 quiet, busy and important days, planned by rules, by thinking,
and newest first.

Conversations come day by day; a part of them (LoCoMo's) is asked about, most on important days:
half of the questions are asked as searches, as soon as what they are about has been said. The gain
is the share of the other half's evidence that stands in upgraded chunks at the end of the month.
The vendor is a fake one that knows the topics; prices are those of the price library.
"""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any, Literal

from benchmarks.corpus import Corpus
from benchmarks.economy import Gold, alone, talk_of
from benchmarks.result import Aim, Cell, Result
from dreaming.buying.executor import DreamingExecutor
from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import Conversation, MessageId
from dreaming.errors import UsageError
from dreaming.home import Home, open_home
from dreaming.importing import ImportReport, read_exports
from dreaming.planning.plan import PlannerName
from dreaming.planning.planner import Planner
from dreaming.planning.thinking import Question
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Limit
from dreaming.testing import FixedClock, make_settings
from dreaming.testing.fake_vendor import FakeVendor, GoldAnswers
from dreaming.upgrading.terms import UpgradeTerms

Strategy = Literal["newest first", "rules", "thinking"]
STRATEGIES: tuple[Strategy, ...] = ("newest first", "rules", "thinking")

AIM_GAIN = 1.3
AIM_LEFT = 0.05
SEEDS = (1, 2, 3)
FIRST_DAY = date(2026, 6, 1)
BUDGET_SHARE = 0.25
"""Of what upgrading everything would take."""
SEARCHES_ON_IMPORTANT_DAYS = 4
"""Times as many as on others."""

QUIET, BUSY, IMPORTANT = (1, 4), (2, 24), (9, 8)
"""Of the conversations that are asked about, and of others."""
MONTH = [
    (QUIET, QUIET, BUSY, QUIET, IMPORTANT, BUSY, QUIET, BUSY, QUIET, IMPORTANT)[n % 10]
    for n in range(30)
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the messages that answer it."""

    text: str
    evidence: frozenset[str]


def measure_month(corpus: Corpus) -> Result:
    """Live the same months with each strategy."""
    if corpus.data is None or not (corpus.data / "locomo").is_dir():
        raise UsageError("`month` needs --data FOLDER with locomo/ and conversations/.")
    rows: list[dict[str, Cell]] = []
    for seed in SEEDS:
        month = Month.of(corpus.data, seed)
        rows += [month.live(strategy) for strategy in STRATEGIES]
    gains = {
        s: mean(float(row["gain"] or 0) for row in rows if row["planned"] == s) for s in STRATEGIES
    }
    spent = [float(row["used"] or 0) for row in rows if row["planned"] != "newest first"]
    aims = [
        Aim(
            f"{s}: gain, times newest first",
            gains[s] / gains["newest first"],
            AIM_GAIN,
            at_most=False,
        )
        for s in STRATEGIES[1:]
    ]
    return Result(
        name="month",
        title="what a month's budget gains: the share of later questions' evidence in upgraded "
        "chunks",
        rows=tuple(rows),
        aims=(
            *aims,
            Aim(
                "share of the budget that is left, at most", 1 - min(spent), AIM_LEFT, at_most=True
            ),
            Aim("share of the budget that is used, at most", max(spent), 1.0, at_most=True),
        ),
        notes=(
            f"from {corpus.source}; the budget is {BUDGET_SHARE:.0%} of what upgrading everything "
            "would take",
        ),
    )


@dataclass(frozen=True, slots=True)
class Month:
    """What happens on each day."""

    seed: int
    comes: Sequence[Sequence[Gold]]
    searches: Sequence[Sequence[Asked]]
    later: Sequence[Asked]
    """Those that nobody asks before the month is over."""

    @classmethod
    def of(cls, data: Path, seed: int) -> "Month":
        """A month of conversations of a folder."""
        numbers = random.Random(seed)
        asked_about = _read(data / "conversations" / "locomo_en.jsonl")
        files = sorted((data / "conversations").glob("*.jsonl"))
        others = [c for file in files if not file.name.startswith("locomo") for c in _read(file)]
        numbers.shuffle(others)
        comes: list[list[Gold]] = []
        weights = [day[0] for day in MONTH]
        ends = [
            round(len(asked_about) * sum(weights[: n + 1]) / sum(weights))
            for n in range(len(MONTH))
        ]
        for number, (_, other_count) in enumerate(MONTH):
            first = ends[number - 1] if number else 0
            today = asked_about[first : ends[number]] + [others.pop() for _ in range(other_count)]
            comes.append([alone(_on(FIRST_DAY + timedelta(days=number), each)) for each in today])
        said_on = {
            m.id: n
            for n, day in enumerate(comes)
            for gold in day
            for m in gold.conversation.messages
        }
        questions = [
            q for q in _questions(data) if all(MessageId(each) in said_on for each in q.evidence)
        ]
        numbers.shuffle(questions)
        half = len(questions) // 2
        searches: list[list[Asked]] = [[] for _ in MONTH]
        for question in questions[:half]:
            first = max(said_on[MessageId(each)] for each in question.evidence)
            days = range(first, len(MONTH))
            likely = [SEARCHES_ON_IMPORTANT_DAYS if MONTH[n] == IMPORTANT else 1 for n in days]
            searches[numbers.choices(days, likely)[0]].append(question)
        return cls(seed, comes, searches, questions[half:])

    def live(self, strategy: Strategy) -> dict[str, Cell]:
        """Live it, and tell what was gained."""
        every = [gold for day in self.comes for gold in day]
        answers = GoldAnswers((gold.conversation.messages, gold.starts) for gold in every)
        clock = FixedClock()
        clock.now = _at(FIRST_DAY, hour=0)
        with (
            TemporaryDirectory() as folder,
            open_home(make_settings(Path(folder)), clock=clock) as home,
            FakeVendor(answer=answers, count_tokens=count_tokens) as vendor,
        ):
            settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url, max_concurrency=8)
            providers = {"anthropic": ConfiguredProvider("anthropic", settings)}
            budget = int(BUDGET_SHARE * self._everything())
            home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=budget))
            for number, (comes, searches) in enumerate(zip(self.comes, self.searches, strict=True)):
                clock.now = _at(FIRST_DAY + timedelta(days=number), hour=23)
                home.archive.add([gold.conversation for gold in comes])
                for day in home.pipeline.waiting_days():
                    home.pipeline.run_day(day)
                for question in searches:
                    home.memory.search(question.text, limit=10)
                _night(home, providers, strategy, number)
            charged = vendor.books.charged_tokens
            assert home.ledger.window_balances("anthropic", "good")["month"].used.tokens == charged
            spent = home.ledger.spent_since(_at(FIRST_DAY, hour=0))
            return {
                "month": self.seed,
                "planned": strategy,
                "gain": self._gain(home),
                "used": charged / budget,
                "budget": budget,
                "usd": round(float(spent.cost_usd), 4),
                "calls": len(vendor.books.served),
                "searches": sum(map(len, self.searches)),
                "conversations": len(every),
            }

    def _everything(self) -> int:
        """The tokens that upgrading everything is expected to take: about one and a half times the
        text.
        """
        texts = (
            m.content for day in self.comes for gold in day for m in talk_of(gold.conversation)
        )
        return int(1.5 * sum(map(count_tokens, texts)))

    def _gain(self, home: Home) -> float:
        good: set[str] = set()
        for day in home.store.days("upgraded_chunks"):
            with home.store.open_chunks("upgraded_chunks", day) as chunks:
                good |= {
                    s.message_id
                    for c in chunks.rows()
                    if c.quality_level != "basic"
                    for s in c.spans
                }
        return mean(
            len(question.evidence & good) / len(question.evidence) for question in self.later
        )


def _night(
    home: Home, providers: Mapping[str, ConfiguredProvider], strategy: Strategy, number: int
) -> None:
    """Spend what the strategy spends in the night after a day."""
    run_id = f"night {number}"
    days = home.store.days("upgraded_chunks")
    asked = UpgradeTerms(target_quality="good")
    work = DreamingExecutor(home, providers, run_id=run_id)
    if strategy == "newest first":
        room = home.ledger.window_balances("anthropic", "good")["month"].room.tokens or 0
        if share := room // (len(MONTH) - number):
            request = work.begin(run_id, replace(asked, max_tokens=share))
            for day in reversed(days):
                work.upgrade(request, [day])
        return
    planner: PlannerName = "rules" if strategy == "rules" else "thinking"
    planning = Planner(home, providers, thinker=Careful(), run_id=run_id)
    decision = asyncio.run(planning.plan(asked, days, planner=planner, paced=True))
    if decision.plan.terms is not None:
        work.upgrade(work.begin(run_id, decision.plan.terms), days)


class Careful:
    """A scripted thinking model: in the first ten days, when little was searched for yet, it keeps
    half back.
    """

    async def think(self, question: Question) -> str:
        """Its plan."""
        told: dict[str, Any] = json.loads(question.content)
        model = told["models"][0]
        allowance = model["todays_allowance"]["max_tokens"]
        early = told["days_left_in_month"] > 20
        return json.dumps(
            {
                "provider": model["provider"],
                "model": model["model"],
                "filter": "",
                "max_tokens": allowance // 2 if early else allowance,
                "reason": "Little was searched for yet."
                if early
                else "What was searched for first.",
            }
        )


def _read(file: Path) -> list[Conversation]:
    return [c for c in read_exports([file], ImportReport()) if talk_of(c)]


def _on(day: date, conversation: Conversation) -> Conversation:
    """A conversation as if it had been led on a day."""
    messages = tuple(replace(message, timestamp=None) for message in conversation.messages)
    return replace(conversation, started_at=_at(day, hour=12), updated_at=None, messages=messages)


def _at(day: date, *, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def _questions(data: Path) -> list[Asked]:
    told = map(
        json.loads, (data / "locomo" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    )
    return [
        Asked(str(each["question"]), frozenset(each["evidence"]))
        for each in told
        if each["evidence"] and each["category"] != "adversarial"
    ]
