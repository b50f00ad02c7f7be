"""A model that knows the true topics of the conversations that it is shown."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from dreaming.chunk import lanes
from dreaming.chunking.lane import read_lane
from dreaming.conversation import ConversationId, Message, MessageId
from dreaming.prompting.excerpt import Excerpt, show_units

if TYPE_CHECKING:
    from dreaming.testing.fake_vendor.wires import FakeRequest

_UNIT = re.compile(r"^\[\d+\] \w+: ", re.MULTILINE)
_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
_SUMMARY_TOKENS = 20
"""What one sentence takes."""


class GoldAnswers:
    """Answers of a fake vendor: the gold segmentation of whatever part of a known conversation is
    shown.

    Args:
        gold: conversations by their messages, and the ids of the messages that begin a topic.
        labels_of: tells the labels of a topic by the message that begins it.

    """

    def __init__(
        self,
        gold: Iterable[tuple[Sequence[Message], Collection[MessageId]]],
        *,
        labels_of: Callable[[Message], Sequence[str]] = lambda _message: ("talk",),
    ) -> None:
        self._labels_of = labels_of
        self._shown: list[list[str]] = []
        self._topics: list[list[Message]] = []
        """Of each unit of a conversation, the message that begins its topic."""
        self._places: dict[str, list[tuple[int, int]]] = {}
        for messages, starts in gold:
            self._learn(messages, starts)

    def _learn(self, messages: Sequence[Message], starts: Collection[MessageId]) -> None:
        units = read_lane("text", lanes(messages)["text"]).units
        shown = _units(
            show_units(Excerpt(conversation_id=ConversationId(""), units=units), 0, len(units))
        )
        begins, topics = units[0].message, []
        for unit in units:
            begins = unit.message if unit.message.id in starts else begins
            topics.append(begins)
        for place, text in enumerate(shown):
            self._places.setdefault(_head(text), []).append((len(self._shown), place))
        self._shown.append(shown)
        self._topics.append(topics)

    def __call__(self, request: "FakeRequest") -> str:
        """The reply to a request; raises `LookupError` for a conversation that is not known."""
        units = _units(request.content)
        topics = self._find(units)
        starts = [n for n, topic in enumerate(topics) if n == 0 or topic is not topics[n - 1]]
        chunks = [
            {"first": first + 1, "last": end, **self._described(topics[first], units[first:end])}
            for first, end in pairwise([*starts, len(units)])
        ]
        return json.dumps({"chunks": chunks}, ensure_ascii=False, separators=(",", ":"))

    def _find(self, units: Sequence[str]) -> list[Message]:
        """The topics of the units of a request. The first and the
        last one may be parts of units.
        """
        for known in sorted(
            range(len(units)), key=lambda n: (n in (0, len(units) - 1), -len(units[n]))
        ):
            for conversation, place in self._places.get(_head(units[known]), []):
                start, end = place - known, place - known + len(units)
                shown = self._shown[conversation][max(start, 0) : end]
                if start >= 0 and len(shown) == len(units) and all(map(_is_part, units, shown)):
                    return self._topics[conversation][start:end]
        raise LookupError(f"No conversation has these {len(units)} units.")

    def _described(self, topic: Message, units: Sequence[str]) -> Mapping[str, Any]:
        said = " ".join(" ".join(units).split())
        return {
            "language": "zh" if re.search(r"[\u4e00-\u9fff]", said) else "en",
            "labels": list(self._labels_of(topic)),
            "speaker": "user",
            "entities": list(dict.fromkeys(_NAME.findall(said)))[:3],
            "summary": _beginning(said, _SUMMARY_TOKENS),
        }


def _units(content: str) -> list[str]:
    """The texts of the units that a request shows."""
    shown = content[content.index("\n") + 1 : content.rindex("\n</conversation-")]
    ends = [match.end() for match in _UNIT.finditer(shown)]
    starts = [match.start() for match in _UNIT.finditer(shown)]
    return [
        shown[end:start].strip() for end, start in zip(ends, [*starts[1:], len(shown)], strict=True)
    ]


def _beginning(text: str, tokens: int) -> str:
    """About so many tokens of a text: four letters each in ASCII, else one."""
    weights = accumulate(0.25 if character.isascii() else 1.0 for character in text)
    return text[: sum(weight <= tokens for weight in weights)]


def _head(text: str) -> str:
    return text[:40]


def _is_part(part: str, whole: str) -> bool:
    return part in whole
