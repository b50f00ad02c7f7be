"""From the text of a reply to topics: extracted, validated, and repaired where that is safe.

A chunk ends where the next one begins, so the end that a reply gives only shows how sound the reply
is: a gap joins its neighbour, an overlap is cut, and each repair is recorded. A reply that leaves
out most of the units, or that cannot be read, is unusable, and its error is written for the model,
which can correct it.
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
from dreaming.prompting.excerpt import Excerpt
from dreaming.prompting.prompt import ReplyShape
from dreaming.prompting.schema import MOST_ENTITIES

LARGEST_GAP_SHARE = 0.5
"""A reply is unusable when more of the text than this is in no chunk, or in several."""
LONGEST_REPLY = 2_000_000
"""The characters of a reply that are read; the rest is ignored."""

_FENCE = re.compile(r"```[a-zA-Z]*\n?(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A run of units that belong together by a reply, and their description."""

    first: int
    """The position of its first unit in the excerpt."""
    last: int
    """The position after its last unit."""
    language: str
    labels: tuple[str, ...]
    entities: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A usable reply: topics that tile the units that were shown."""

    topics: tuple[Topic, ...]
    repairs: tuple[str, ...]
    """The kinds of repairs: order, outside, gap, overlap, unanchored, entry; each kind once."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A reply that cannot be used."""

    is_json: bool
    """Whether it could be read as JSON at all."""
    error: str
    """An explanation for the model, without text of the reply or of the conversation."""


def _list_or_nothing(value: object) -> object:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, str)]


def _text_or_nothing(value: object) -> object:
    return value if isinstance(value, str) else ""


_Strings = Annotated[list[str], BeforeValidator(_list_or_nothing)]
_String = Annotated[str, BeforeValidator(_text_or_nothing)]


class _Described(BaseModel):
    """The description of a chunk; fields of a wrong type are emptied, so the chunk is kept."""

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
    text: str, excerpt: Excerpt, first: int, last: int, *, shape: ReplyShape
) -> Cut | Unusable:
    """Read a reply to the units at positions `first` to `last`, end excluded, of an excerpt."""
    items = _find_chunks(text[:LONGEST_REPLY])
    if items is None:
        return Unusable(False, 'it was not JSON of the form {"chunks": [...]}.')
    read_items = [_read_entry(item, shape) for item in items]
    entries = [entry for entry in read_items if entry is not None]
    if not entries:
        return Unusable(True, "no chunk had all the fields that were asked for.")
    if shape == "verbatim":
        ranges, repairs = _anchored_ranges(entries, excerpt, first, last)
    else:
        ranges, repairs = _numbered_ranges(entries, first, last)
    if len(entries) < len(items):
        repairs.add("entry")
    return _tile(ranges, repairs, excerpt, first, last)


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
"""The positions of the first unit and after the last one, by the reply; and the entry."""


def _anchored_ranges(
    entries: Sequence[_Repeated], excerpt: Excerpt, first: int, last: int
) -> tuple[list[_Range], set[str]]:
    """The ranges of entries that repeat the text, in order, and the kinds of repairs."""
    contents = [entry.content for entry in entries]
    places = anchor_contents(contents, excerpt.units[first:last])
    ranges: list[_Range] = []
    repairs: set[str] = set()
    for place, entry in zip(places, entries, strict=True):
        if place is None:
            repairs.add("unanchored")
        else:
            start, end = place
            ranges.append((first + start, first + end, entry))
    return ranges, repairs


def _numbered_ranges(
    entries: Sequence[_Numbered], first: int, last: int
) -> tuple[list[_Range], set[str]]:
    """The ranges of entries that number the units, in order, and the kinds of repairs."""
    ranges: list[_Range] = []
    repairs: set[str] = set()
    for entry in entries:
        # A reply counts from 1, and names the last unit, not the one after it.
        start = first + entry.first - 1
        end = first + entry.last
        if first <= start < last and start < end:
            ranges.append((start, min(end, last), entry))
        if not first <= start < end <= last:
            repairs.add("outside")
    ordered = sorted(ranges, key=lambda item: (item[0], item[1]))
    if ordered != ranges:
        repairs.add("order")
    return ordered, repairs


def _tile(
    ranges: Sequence[_Range], repairs: set[str], excerpt: Excerpt, first: int, last: int
) -> Cut | Unusable:
    """Topics that tile the units shown: each ends where the next one begins."""
    wrong = _wrong_tokens(ranges, excerpt, first, last)
    if not ranges or wrong > LARGEST_GAP_SHARE * excerpt.tokens(first, last):
        return Unusable(True, f"most of units 1 to {last - first} were in no chunk, or in several.")
    kept: list[_Range] = []
    for item in ranges:
        if kept and item[0] == kept[-1][0]:
            repairs.add("overlap")
        else:
            kept.append(item)
    # The first topic begins with the first unit, wherever the reply lets it begin.
    later_starts = [start for start, _, _ in kept[1:]]
    borders = [first, *later_starts, last]
    topics = []
    for (start, end, entry), (topic_start, topic_end) in zip(kept, pairwise(borders), strict=True):
        if start > topic_start or end < topic_end:
            repairs.add("gap")
        if end > topic_end:
            repairs.add("overlap")
        topics.append(_topic(topic_start, topic_end, entry, excerpt))
    return Cut(tuple(topics), tuple(sorted(repairs)))


def _wrong_tokens(ranges: Sequence[_Range], excerpt: Excerpt, first: int, last: int) -> int:
    """The tokens of the units that are in no range, or in more than one."""
    # The change of depth at each position, added up below: ranges may be long and many.
    changes = [0] * (last - first + 1)
    for start, end, _ in ranges:
        changes[start - first] += 1
        changes[end - first] -= 1
    wrong = 0
    depth = 0
    for position in range(first, last):
        depth += changes[position - first]
        if depth != 1:
            wrong += excerpt.tokens(position, position + 1)
    return wrong


def _topic(first: int, last: int, entry: _Described, excerpt: Excerpt) -> Topic:
    units = excerpt.units[first:last]
    texts = [unit.text for unit in units]
    # Speakers are entities too, though a text need not name its own speaker.
    names = {unit.message.name for unit in units if unit.message.name}
    searched = "\n".join([*texts, *sorted(names)])
    return Topic(
        first=first,
        last=last,
        language=clean_language(entry.language),
        labels=clean_labels(entry.labels),
        entities=clean_entities(entry.entities, searched),
        summary=clean_summary(entry.summary),
    )


def join_descriptions(topic: Topic, other: Topic, *, last: int) -> Topic:
    """One topic from two parts of it: described as the longer, with what the shorter adds."""
    longer = topic
    shorter = other
    if other.last - other.first > topic.last - topic.first:
        longer = other
        shorter = topic
    return replace(
        topic,
        last=last,
        language=longer.language,
        labels=clean_labels([*longer.labels, *shorter.labels]),
        entities=tuple(dict.fromkeys([*longer.entities, *shorter.entities]))[:MOST_ENTITIES],
        summary=longer.summary or shorter.summary,
    )
