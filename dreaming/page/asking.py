"""A query string -> the search form as it was filled in, and the values that it stands for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from dreaming.conversation import storable
from dreaming.errors import UsageError
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.search import DEFAULT_LIMIT, MAX_LIMIT
from dreaming.settings import parse_day

DEFAULT_KINDS = ("text",)
MAX_DIGITS = 9
"""More than any limit needs; every number with as many digits fits in 32 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchForm:
    """The fields of the search form as text, so that invalid ones can be shown again."""

    query: str = ""
    is_sent: bool = False
    """Whether it was submitted, with or without a query."""
    first: str = ""
    last: str = ""
    labels: str = ""
    languages: str = ""
    quality_levels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = DEFAULT_KINDS
    budget_words: str = ""
    limit: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        texts = (self.first, self.last, self.labels, self.languages, self.budget_words)
        return any(texts) or bool(self.quality_levels) or self.kinds != DEFAULT_KINDS

    def chunk_filter(self) -> ChunkFilter:
        """The filter that it asks for; raises `UsageError` for values that no chunk can have."""
        first_day = parse_day(self.first) if self.first else None
        last_day = parse_day(self.last) if self.last else None
        # Any text may come in a query string: the filter itself checks these.
        unchecked: Any = {"quality_levels": self.quality_levels, "kinds": self.kinds}
        return ChunkFilter(
            first_day=first_day,
            last_day=last_day,
            labels=_split_list(self.labels),
            languages=_split_list(self.languages),
            **unchecked,
        )

    def max_hits(self) -> int:
        """The limit on hits; raises `UsageError`."""
        if self.limit:
            return _number("limit", self.limit)
        # With a budget of words, that budget alone is the limit.
        return MAX_LIMIT if self.budget_words else DEFAULT_LIMIT

    def max_words(self) -> int | None:
        """The limit on the words of all hits together; raises `UsageError`."""
        return _number("The budget of words", self.budget_words) if self.budget_words else None

    def address(self, *, limit: int) -> str:
        """The address of the same search with another limit on hits."""
        pairs = [*self._pairs(), ("limit", str(limit))]
        return f"/?{urlencode(pairs)}"

    def _pairs(self) -> Iterator[tuple[str, str]]:
        yield "q", self.query
        texts = {
            "from": self.first,
            "to": self.last,
            "label": self.labels,
            "language": self.languages,
        }
        for name, text in texts.items():
            if text:
                yield name, text
        for level in self.quality_levels:
            yield "quality", level
        for kind in self.kinds:
            yield "kind", kind
        if self.budget_words:
            yield "words", self.budget_words


def read_form(params: QueryParams) -> SearchForm:
    """The form that a query string holds."""
    return SearchForm(
        query=read_text(params, "q"),
        is_sent="q" in params,
        first=read_text(params, "from"),
        last=read_text(params, "to"),
        labels=read_text(params, "label"),
        languages=read_text(params, "language"),
        quality_levels=tuple(params.getlist("quality")),
        kinds=tuple(params.getlist("kind")) or DEFAULT_KINDS,
        budget_words=read_text(params, "words"),
        limit=read_text(params, "limit"),
    )


def read_text(params: QueryParams, name: str) -> str:
    """A text of a query string in storable characters; empty where it is missing."""
    return storable(params.get(name, ""))[0].strip()


def read_number(params: QueryParams, name: str) -> int | None:
    """A whole number of a query string, None where it is missing; raises `UsageError`."""
    text = read_text(params, name)
    return _number(name, text) if text else None


def _split_list(text: str) -> tuple[str, ...]:
    """The parts between commas, also those of Chinese and Japanese, without empty ones."""
    parts = [part.strip() for part in re.split("[,，、]", text)]
    return tuple(part for part in parts if part)


def _number(name: str, text: str) -> int:
    # `isdigit` accepts digits of every script and characters such as ², which `int` refuses.
    is_number = text.isascii() and text.isdigit()
    if not is_number or len(text) > MAX_DIGITS:
        raise UsageError(f"{name} is {text!r}; expected a whole number.")
    return int(text)
