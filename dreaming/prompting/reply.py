"""From the text of a reply to topics: found in it, validated, and repaired where that is safe.

Where a chunk ends is told by where the next begins, so what a reply says of its end only shows how
sound the reply is: a gap joins its neighbour, an overlap is cut, and each repair is recorded. A
reply that leaves most of the units untold, or holds nothing that can be read, is unusable, and its
error is something that a model can mend.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from dreaming.prompting.anchoring import anchor_contents
from dreaming.prompting.cleaning import clean_entities, clean_labels, clean_language, clean_summary
from dreaming.prompting.passage import Passage
from dreaming.prompting.prompt import ReplyShape
from dreaming.prompting.schema import MOST_ENTITIES

LARGEST_GAP_SHARE = 0.5
"""A reply is unusable when more of the text than this is in no chunk, or in several."""
LONGEST_REPLY = 2_000_000
"""Characters that are read at most."""

_FENCE = re.compile(r"```[a-zA-Z]*\n?(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A run of units that a reply says belong together, and what it says of them."""

    first: int
    """Position in the passage of its first unit."""
    last: int
    """Position after its last unit."""
    language: str
    labels: tuple[str, ...]
    entities: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A usable reply: topics that tile the units that were shown."""

    topics: tuple[Topic, ...]
    repairs: tuple[str, ...]
    """What was mended: order, outside, gap, overlap, unanchored; a kind once."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A reply that cannot be used."""

    is_json: bool
    """Whether it could be read as JSON at all."""
    error: str
    """What to tell the model; it holds nothing of the reply or of the conversation."""


def _list_or_nothing(value: object) -> object:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _text_or_nothing(value: object) -> object:
    return value if isinstance(value, str) else ""


_Strings = Annotated[list[str], BeforeValidator(_list_or_nothing)]
_String = Annotated[str, BeforeValidator(_text_or_nothing)]


class _Described(BaseModel):
    """What a reply says of a chunk; what has a wrong type is left out, for the chunk's sake."""

    language: _String = ""
    labels: _Strings = []
    entities: _Strings = []
    summary: _String = ""


class _Numbered(_Described):
    first: int
    last: int


class _Repeated(_Described):
    content: str


_ENTRY: Mapping[ReplyShape, TypeAdapter[Any]] = {
    "indices": TypeAdapter(_Numbered),
    "verbatim": TypeAdapter(_Repeated),
}


def read_reply(
    text: str, passage: Passage, first: int, last: int, *, shape: ReplyShape
) -> Cut | Unusable:
    """Read a reply to the units at positions `first` to `last`, end excluded, of a passage."""
    listed = _find_chunks(text[:LONGEST_REPLY])
    if listed is None:
        return Unusable(False, 'it was not JSON of the form {"chunks": [...]}.')
    entries = [entry for item in listed if (entry := _read_entry(item, shape)) is not None]
    if not entries:
        return Unusable(True, "no chunk had all the fields that were asked for.")
    ranges, repairs = _ranges(entries, passage, first, last, shape)
    if len(entries) < len(listed):
        repairs.add("entry")
    return _tile(ranges, repairs, passage, first, last)


def _find_chunks(text: str) -> list[Any] | None:
    """The list of chunks in a reply that may stand in a fence or among words."""
    for candidate in (text, *_FENCE.findall(text), text[text.find("{") : text.rfind("}") + 1]):
        try:
            found = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        chunks = found.get("chunks") if isinstance(found, dict) else found
        if isinstance(chunks, list):
            return chunks
    return None


def _read_entry(item: object, shape: ReplyShape) -> Any:
    try:
        return _ENTRY[shape].validate_python(item)
    except ValidationError:
        return None


_Range = tuple[int, int, _Described]
"""Positions of the first unit and after the last one, as the reply says them."""


def _ranges(
    entries: Sequence[Any], passage: Passage, first: int, last: int, shape: ReplyShape
) -> tuple[list[_Range], set[str]]:
    """The entries as ranges of positions inside the units shown, in order."""
    if shape == "verbatim":
        anchored = anchor_contents([entry.content for entry in entries], passage.units[first:last])
        found = [
            (first + place[0], first + place[1], entry)
            for place, entry in zip(anchored, entries, strict=True)
            if place is not None
        ]
        return found, {"unanchored"} if len(found) < len(entries) else set()
    repairs: set[str] = set()
    told = [(first + entry.first - 1, first + entry.last, entry) for entry in entries]
    inside = [
        (start, min(end, last), entry)
        for start, end, entry in told
        if first <= start < last and start < end
    ]
    if inside != told:
        repairs.add("outside")
    ordered = sorted(inside, key=lambda item: (item[0], item[1]))
    if ordered != inside:
        repairs.add("order")
    return ordered, repairs


def _tile(
    ranges: Sequence[_Range], repairs: set[str], passage: Passage, first: int, last: int
) -> Cut | Unusable:
    """Topics that tile the units shown: each begins where the reply says, and ends where the next
    begins.
    """
    wrong = _tokens_told_wrongly(ranges, passage, first, last)
    if not ranges or wrong > LARGEST_GAP_SHARE * passage.tokens(first, last):
        return Unusable(True, f"most of units 1 to {last - first} were in no chunk, or in several.")
    kept: list[_Range] = []
    for item in ranges:
        if kept and item[0] == kept[-1][0]:
            repairs.add("overlap")
        else:
            kept.append(item)
    starts = [first, *(start for start, _, _ in kept[1:]), last]
    for (start, end, _), (begins, ends) in zip(kept, pairwise(starts), strict=True):
        if start > begins or end < ends:
            repairs.add("gap")
        if end > ends:
            repairs.add("overlap")
    topics = [
        _topic(start, end, item[2], passage)
        for item, (start, end) in zip(kept, pairwise(starts), strict=True)
    ]
    return Cut(tuple(topics), tuple(sorted(repairs)))


def _tokens_told_wrongly(ranges: Sequence[_Range], passage: Passage, first: int, last: int) -> int:
    """Tokens of the units that are in no range, or in more than one."""
    changes = [0] * (last - first + 1)
    for start, end, _ in ranges:
        changes[start - first] += 1
        changes[end - first] -= 1
    wrong, depth = 0, 0
    for position in range(first, last):
        depth += changes[position - first]
        if depth != 1:
            wrong += passage.tokens(position, position + 1)
    return wrong


def _topic(first: int, last: int, said: _Described, passage: Passage) -> Topic:
    text = "\n".join(unit.text for unit in passage.units[first:last])
    names = {unit.message.name for unit in passage.units[first:last] if unit.message.name}
    return Topic(
        first=first,
        last=last,
        language=clean_language(said.language),
        labels=clean_labels(said.labels),
        entities=clean_entities(said.entities, "\n".join([text, *sorted(names)])),
        summary=clean_summary(said.summary),
    )


def join_descriptions(topic: Topic, other: Topic, *, last: int) -> Topic:
    """One topic out of two that are one: described by the longer, with what the other adds."""
    longer, shorter = (
        (topic, other) if topic.last - topic.first >= other.last - other.first else (other, topic)
    )
    return replace(
        topic,
        last=last,
        language=longer.language,
        labels=clean_labels([*longer.labels, *shorter.labels]),
        entities=tuple(dict.fromkeys([*longer.entities, *shorter.entities]))[:MOST_ENTITIES],
        summary=longer.summary or shorter.summary,
    )
