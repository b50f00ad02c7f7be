"""What a query string asks of a search: the form as it was filled in, and what that means."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchForm:
    """The fields of the search form, as they were filled in: shown again, whatever they hold."""

    query: str = ""
    is_sent: bool = False
    """Whether it asks for anything, or is only shown."""
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

    def wanted(self) -> ChunkFilter:
        """Which chunks it asks for; raises `UsageError` for what no chunk can have."""
        chosen: Any = {"quality_levels": self.quality_levels, "kinds": self.kinds}
        return ChunkFilter(
            first_day=parse_day(self.first) if self.first else None,
            last_day=parse_day(self.last) if self.last else None,
            labels=_listed(self.labels),
            languages=_listed(self.languages),
            **chosen,
        )

    def hits_wanted(self) -> int:
        """How many hits it asks for, at most; raises `UsageError`."""
        if self.limit:
            return _number("limit", self.limit)
        return MAX_LIMIT if self.budget_words else DEFAULT_LIMIT

    def words_wanted(self) -> int | None:
        """How many words all hits together may have; raises `UsageError`."""
        return _number("The budget of words", self.budget_words) if self.budget_words else None

    def address(self, *, limit: int) -> str:
        """The same search for so many hits."""
        return f"/?{urlencode([*self._pairs(), ('limit', str(limit))])}"

    def _pairs(self) -> Iterator[tuple[str, str]]:
        yield "q", self.query
        texts = {
            "from": self.first,
            "to": self.last,
            "label": self.labels,
            "language": self.languages,
        }
        yield from ((name, text) for name, text in texts.items() if text)
        yield from (("quality", level) for level in self.quality_levels)
        yield from (("kind", kind) for kind in self.kinds)
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
    """A text of a query string that every store can be asked for; empty where it is not given."""
    return storable(params.get(name, ""))[0].strip()


def read_number(params: QueryParams, name: str) -> int | None:
    """A whole number of a query string, None where it is not given; raises `UsageError` for
    anything else.
    """
    text = read_text(params, name)
    return _number(name, text) if text else None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split("[,，、]", text) if part.strip())


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise UsageError(f"{name} is {text!r}; expected a whole number.")
    return int(text)
