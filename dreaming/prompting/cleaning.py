"""What a model says of a chunk, within bounds of count, length and characters: it is data, and may
be hostile.
"""

import re
import unicodedata
from collections.abc import Iterable

from dreaming.chunking.cutting import splits_character
from dreaming.prompting.schema import (
    LONGEST_ENTITY,
    LONGEST_LABEL,
    LONGEST_SUMMARY,
    MOST_ENTITIES,
    MOST_LABELS,
)

_NO_LABEL_CHARACTER = re.compile(r"[^\w+#.&-]+")
"""Labels go into tables and filters: letters and digits of any script, and what names of
technologies have.
"""
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
"""Control and format characters (bidirectional overrides, escapes), surrogates, private and
unassigned ones.
"""
_JOINERS = "\u200c\u200d"
"""Format characters that some scripts and emoji need."""


def clean_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Up to 5 labels: lower case, words joined by a hyphen, at most 40 characters, none twice."""
    cleaned = (
        _NO_LABEL_CHARACTER.sub("-", _visible(label).casefold()).replace("_", "-")
        for label in labels
    )
    cut = (_cut(label.strip("-.&"), LONGEST_LABEL).strip("-.&") for label in cleaned)
    return tuple(dict.fromkeys(filter(None, cut)))[:MOST_LABELS]


def clean_entities(entities: Iterable[str], text: str) -> tuple[str, ...]:
    """Up to 10 of the entities that `text` names, one line of at most 60 characters each, none
    twice.
    """
    said = _searchable(text)
    lines = (_visible(entity) for entity in entities)
    named = (
        line
        for line in lines
        if any(map(str.isalnum, line)) and len(line) <= LONGEST_ENTITY and _searchable(line) in said
    )
    return tuple({line.casefold(): line for line in named}.values())[:MOST_ENTITIES]


def clean_summary(summary: str) -> str:
    """The summary on one line of at most 300 characters; empty where it says nothing."""
    line = _cut(_visible(summary), LONGEST_SUMMARY)
    return line if any(map(str.isalnum, line)) else ""


def clean_language(language: str) -> str:
    """An ISO 639 code in lower case without region, or "und"."""
    found = _LANGUAGE.match(language.strip().lower())
    return found[0] if found else "und"


def _visible(text: str) -> str:
    """The text on one line, without what cannot be seen."""
    spaced = " ".join(text.split())
    if spaced.isprintable():
        return spaced
    return "".join(
        c for c in spaced if c in _JOINERS or unicodedata.category(c) not in _UNSEEN
    ).strip()


def _searchable(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    cut = longest - 1
    while cut > 1 and splits_character(text, cut):
        cut -= 1
    return text[:cut].rstrip() + "…"
