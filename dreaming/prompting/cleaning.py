"""A model's description of a chunk, within bounds of count, length and characters.

It is data, and may be hostile: a conversation can make a model write anything.
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

# Labels go into tables and filters. Besides letters and digits they keep the signs in names of
# technologies, such as c++ and c#.
_NO_LABEL_CHARACTER = re.compile(r"[^\w+#.&-]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
"""Control and format characters (bidirectional overrides, escapes), surrogates, private and
unassigned ones.
"""
_JOINERS = "\u200c\u200d"
"""Format characters that some scripts and emoji need."""


def clean_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Up to 5 labels: lower case, words joined by a hyphen, at most 40 characters, none twice."""
    cleaned: dict[str, None] = {}
    for label in labels:
        words = _NO_LABEL_CHARACTER.sub("-", _visible(label).casefold()).replace("_", "-")
        # Stripped again after the cut, which may end in a hyphen.
        short = _cut(words.strip("-.&"), LONGEST_LABEL).strip("-.&")
        if short:
            cleaned[short] = None
    return tuple(cleaned)[:MOST_LABELS]


def clean_entities(entities: Iterable[str], text: str) -> tuple[str, ...]:
    """Up to 10 entities that `text` names, a line of at most 60 characters each, none twice."""
    searched = _searchable(text)
    named: dict[str, str] = {}
    for entity in entities:
        line = _visible(entity)
        if not any(map(str.isalnum, line)) or len(line) > LONGEST_ENTITY:
            continue
        # Only what the text names: models invent entities.
        if _searchable(line) in searched:
            named[line.casefold()] = line
    return tuple(named.values())[:MOST_ENTITIES]


def clean_summary(summary: str) -> str:
    """The summary on one line of at most 300 characters; empty if it has no letter or digit."""
    line = _cut(_visible(summary), LONGEST_SUMMARY)
    return line if any(map(str.isalnum, line)) else ""


def clean_language(language: str) -> str:
    """An ISO 639 code in lower case without region, or "und"."""
    code = _LANGUAGE.match(language.strip().lower())
    return code[0] if code else "und"


def _visible(text: str) -> str:
    """The text on one line, without characters that cannot be seen."""
    spaced = " ".join(text.split())
    # Nearly always, and quicker than a look at each character.
    if spaced.isprintable():
        return spaced
    seen = [c for c in spaced if c in _JOINERS or unicodedata.category(c) not in _UNSEEN]
    return "".join(seen).strip()


def _searchable(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    # One place is for the ellipsis. Not inside a character that is made of several code points.
    cut = longest - 1
    while cut > 1 and splits_character(text, cut):
        cut -= 1
    return text[:cut].rstrip() + "…"
