"""Talk about known topics, and a model that knows them."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal

from dreaming.chunk import hash_slice
from dreaming.home import utc_now
from dreaming.providers.models import resolve_model
from dreaming.upgrading.paid import PaidChunk, PaidSlice
from tests.prompting.builders import describe

TOPICS = [
    "tents and music for the harvest festival",
    "the invoice that was paid twice",
    "the broken roof of the barn",
]


def talk(of=0, topics=TOPICS, turns=4):
    """Messages about one topic after the other, some 120 tokens each."""
    return [
        f"{'Question' if n % 2 == 0 else 'Answer'} {of}.{n} about {topic}: "
        + f"we should think of {topic} once more. " * 9
        for topic in topics
        for n in range(turns)
    ]


def answer_about_topics(request):
    """The true topics, by what the units are about."""
    units = [
        (int(n), text)
        for n, text in re.findall(r"^\[(\d+)\] \w+: (.*)", request.content, re.MULTILINE)
    ]
    about = [(n, next(t for t in TOPICS if t in text)) for n, text in units]
    starts = [n for i, (n, topic) in enumerate(about) if i == 0 or about[i - 1][1] != topic]
    ends = [start - 1 for start in starts[1:]] + [units[-1][0]]
    said = [
        {
            "first": a,
            "last": b,
            **describe(labels=["billing" if "invoice" in about[a - 1][1] else "village"]),
        }
        for a, b in zip(starts, ends, strict=True)
    ]
    return json.dumps({"chunks": said})


def served_now(name, vendor="anthropic"):
    """What a vendor serves for a model's name on the day that the tests take for today."""
    return resolve_model(vendor, name, today=utc_now().date()).served


def make_paid_chunk(day, spans, **cells):
    """A chunk that was bought for some (message, start, end) of a conversation-day, with other
    cells where given.
    """
    contents = {message.id: message.content for message in day.messages}
    made = {
        "paid_chunk_id": "paid",
        "request_id": "request",
        "call_id": "call",
        "conversation_id": day.conversation_id,
        "slices": tuple(
            PaidSlice(m, start, end, hash_slice(contents[m][start:end])) for m, start, end in spans
        ),
        "topics": (),
        "quality_level": "good",
        "language": "en",
        "labels": ("paid",),
        "entities": (),
        "summary": "Paid for.",
        "speaker": "user",
        "confidence": 0.9,
        "llm_provider": "anthropic",
        "llm_used": "claude-haiku-4-5",
        "prompt_version": "indices-1",
        "tokens_used": 1001,
        "input_tokens": 901,
        "output_tokens": 100,
        "cost_usd": Decimal("0.001234567891"),
        "processing_time_ms": 777,
        "bought_at": datetime(2026, 3, 2, 3, tzinfo=UTC),
    }
    return PaidChunk(**made | cells)


class ScriptedThinker:
    """A thinking model that says what it is told to."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def think(self, question):
        """The answer."""
        self.asked.append(json.loads(question.content))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
