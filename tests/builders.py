"""Talk about known topics, and a model that knows them."""

import json
import re

from tests.prompting.builders import describe

TOPICS = ["tents and music for the harvest festival", "the invoice that was paid twice", "the broken roof of the barn"]


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
    units = [(int(n), text) for n, text in re.findall(r"^\[(\d+)\] \w+: (.*)", request.content, re.MULTILINE)]
    about = [(n, next(t for t in TOPICS if t in text)) for n, text in units]
    starts = [n for i, (n, topic) in enumerate(about) if i == 0 or about[i - 1][1] != topic]
    ends = [start - 1 for start in starts[1:]] + [units[-1][0]]
    said = [
        {"first": a, "last": b, **describe(labels=["billing" if "invoice" in about[a - 1][1] else "village"])}
        for a, b in zip(starts, ends, strict=True)
    ]
    return json.dumps({"chunks": said})


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
