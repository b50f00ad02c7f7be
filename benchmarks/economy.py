"""What upgrading costs: billed tokens for each token of text, by a real tokenizer, and whether the
topics are bought.

The vendor is a fake one that knows the true topics and counts what it is sent (the schema too) and
what it says. In `joined`, four conversations of a file follow one another in one chat, and a topic
begins with each; in `alone` they stand as they are, and a topic begins after six messages and 100
tokens. With a folder of dialogues whose topics are known (`segmentation/*.jsonl`), these are
upgraded too.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dreaming.samples
from benchmarks.corpus import Corpus
from benchmarks.result import Aim, Cell, Result
from dreaming.buying.executor import DreamingExecutor
from dreaming.chunk import BChunk, lanes
from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import Conversation, ConversationId, Message, MessageId, Role
from dreaming.home import Home, open_home
from dreaming.importing import ImportReport, read_exports
from dreaming.learning.dialogues import Dialogue, read_dialogues
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.testing import make_settings
from dreaming.testing.fake_vendor import FakeVendor, GoldAnswers
from dreaming.upgrading.terms import UpgradeTerms

AIM_RATIO = 2.0
JOINED = 4
TOPIC_MESSAGES = 6
TOPIC_TOKENS = 100
"""The prompt asks for no smaller chunks."""
START = datetime(2026, 1, 1, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gold:
    """A conversation whose topics are known."""

    conversation: Conversation
    starts: frozenset[MessageId]
    """The messages that begin a topic; the first one is not told."""


def measure_economy(corpus: Corpus) -> Result:
    """Upgrade everything of each file in three ways, and compare what was billed and what topics
    there are.
    """
    rows: list[dict[str, Cell]] = []
    for file in (
        sorted((corpus.data / "conversations").glob("*.jsonl"))
        if corpus.data
        else dreaming.samples.FILES
    ):
        conversations = [c for c in read_exports([file], ImportReport()) if talk_of(c)]
        rows.append(
            _measure(f"{file.stem}, alone", [alone(conversation) for conversation in conversations])
        )
        rows.append(_measure(f"{file.stem}, joined", list(_joined(conversations))))
    whole = [_total("all, alone", rows, "alone"), _total("all, joined", rows, "joined")]
    known = sorted((corpus.data / "segmentation").glob("*.jsonl")) if corpus.data else []
    rows += [_measure(file.stem, list(_dialogues(file))) for file in known]
    return Result(
        name="economy",
        title="billed tokens a token of text upgraded",
        rows=(*rows, *whole),
        aims=(
            Aim(
                f"at most {AIM_RATIO}, alone",
                float(whole[0]["ratio"] or 0),
                AIM_RATIO,
                at_most=True,
            ),
            Aim(
                "topics that are not the gold's",
                sum(int(row["wrong topics"] or 0) for row in rows),
                0,
                at_most=True,
            ),
        ),
        notes=(f"from {corpus.source}",),
    )


def _measure(name: str, gold: Sequence[Gold]) -> dict[str, Cell]:
    answers = GoldAnswers((each.conversation.messages, each.starts) for each in gold)
    with (
        TemporaryDirectory() as folder,
        open_home(make_settings(Path(folder))) as home,
        FakeVendor(answer=answers, count_tokens=count_tokens) as vendor,
    ):
        home.archive.add([each.conversation for each in gold])
        days = home.pipeline.waiting_days()
        for day in days:
            home.pipeline.run_day(day)
        text = sum(chunk.token_count for chunk in _chunks(home, days))
        settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url)
        executor = DreamingExecutor(
            home, {"anthropic": ConfiguredProvider("anthropic", settings)}, run_id="benchmark"
        )
        result = executor.upgrade(
            executor.begin("R", UpgradeTerms(target_quality="good", max_tokens=10**9)), days
        )
        assert result.quality_counts["basic"] == 0, result
        return {
            "text": name,
            "tokens": text,
            "billed": vendor.books.charged_tokens,
            "ratio": vendor.books.charged_tokens / text,
            "calls": len(vendor.books.served),
            "topics": sum(len(each.starts) for each in gold),
            "wrong topics": _wrong_topics(home, days, gold),
        }


def _wrong_topics(home: Home, days: Collection[date], gold: Sequence[Gold]) -> int:
    """Topic boundaries that are told and not the gold's, or the other way round. Where a day
    begins, none is told.
    """
    told = {
        (c.conversation_id, t.message_id)
        for c in _chunks(home, days)
        for t in c.topics
        if t.start == 0
    }
    inside = sum(t.start > 0 for c in _chunks(home, days) for t in c.topics)
    first = {
        (c.conversation_id, c.spans[0].message_id) for c in _chunks(home, days) if c.ordinal == 0
    }
    true = {(each.conversation.id, start) for each in gold for start in each.starts}
    return len((told ^ true) - first) + inside


def _chunks(home: Home, days: Collection[date]) -> Iterator[BChunk]:
    for day in days:
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            yield from chunks.rows()


def alone(conversation: Conversation) -> Gold:
    """A conversation as it stands: a topic begins after some messages and tokens."""
    starts: list[MessageId] = []
    messages = tokens = 0
    for message in talk_of(conversation):
        if messages >= TOPIC_MESSAGES and tokens >= TOPIC_TOKENS:
            starts.append(message.id)
            messages = tokens = 0
        messages, tokens = messages + 1, tokens + count_tokens(message.content)
    return Gold(conversation, frozenset(starts))


def _joined(conversations: Sequence[Conversation]) -> Iterator[Gold]:
    """Every four conversations as one, on one day, a topic each."""
    for number in range(0, len(conversations), JOINED):
        messages: list[Message] = []
        starts: list[MessageId] = []
        for conversation in conversations[number : number + JOINED]:
            starts.append(MessageId(f"m{len(messages)}"))
            messages += _renumbered(talk_of(conversation), len(messages))
        yield _gold(f"joined:{number}", messages, starts[1:], day=number // JOINED % 30)


def _dialogues(file: Path) -> Iterator[Gold]:
    """Dialogues whose topics are known."""
    for number, dialogue in enumerate(read_dialogues([file])):
        yield gold_of(dialogue, number)


def gold_of(dialogue: Dialogue, number: int) -> Gold:
    """A labelled dialogue as a conversation of one of thirty days;
    turns without text are left out.
    """
    messages = [
        Message(id=MessageId(""), role=_role(speaker), content=text, timestamp=None)
        for speaker, text in dialogue.turns
        if text.strip()
    ]
    kept = [n for n, (_, text) in enumerate(dialogue.turns) if text.strip()]
    starts = [MessageId(f"m{kept.index(turn)}") for turn in dialogue.boundaries if turn in kept]
    return _gold(dialogue.dialogue_id, _renumbered(messages, 0), starts, day=number % 30)


def _renumbered(messages: Iterable[Message], first: int) -> list[Message]:
    return [replace(message, id=MessageId(f"m{n}")) for n, message in enumerate(messages, first)]


def _gold(name: str, messages: Sequence[Message], starts: Iterable[MessageId], *, day: int) -> Gold:
    begins = START + timedelta(days=day)
    timed = tuple(
        replace(m, timestamp=begins + timedelta(seconds=n)) for n, m in enumerate(messages)
    )
    conversation = Conversation(
        ConversationId(name), "benchmark", None, begins, timed[-1].timestamp, timed
    )
    return Gold(conversation, frozenset(starts))


def talk_of(conversation: Conversation) -> list[Message]:
    """What people and assistants say in it."""
    return lanes(conversation.messages).get("text", [])


def _role(speaker: str) -> Role:
    return "user" if speaker == "user" else "assistant"


def _total(name: str, rows: Sequence[dict[str, Cell]], ending: str) -> dict[str, Cell]:
    of_kind = [row for row in rows if str(row["text"]).endswith(ending)]
    sums = {key: sum(int(row[key] or 0) for row in of_kind) for key in ("tokens", "billed")}
    counts = {
        key: sum(int(row[key] or 0) for row in of_kind)
        for key in ("calls", "topics", "wrong topics")
    }
    return {"text": name, **sums, "ratio": sums["billed"] / sums["tokens"], **counts}
