"""A search: its hits, with the words of the query marked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from dreaming.chunk import BChunk, merge_spans
from dreaming.conversation import ConversationId
from dreaming.errors import StorageError
from dreaming.home import Home
from dreaming.page.addresses import conversation_address, day_address
from dreaming.page.asking import SearchForm
from dreaming.page.highlighting import Part, mark_words, split_at
from dreaming.remembering.search import MAX_LIMIT, Hit

SHORT_CHARACTERS = 900
"""A hit with more characters shows its snippet first, and its text when it is unfolded."""
MORE_HITS = 10


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One message's part of a hit."""

    voice: str
    role: str
    parts: list[Part]
    is_after_gap: bool
    """Whether messages before it are left out."""


@dataclass(frozen=True, slots=True)
class ShownHit:
    """A hit as the page shows it."""

    number: int
    chunk: BChunk
    score: float
    title: str | None
    messages: list[ShownMessage]
    snippet: list[Part] | None
    """None for a short hit."""
    address: str
    day_address: str


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The results of a search."""

    hits: list[ShownHit]
    more: str | None
    """The address of the same search with more hits; None where there are no more."""


def find(home: Home, form: SearchForm) -> SearchResults:
    """Search as the form asks; raises `UsageError` for values that cannot be searched for."""
    limit = form.max_hits()
    hits = home.memory.search(
        form.query, form.chunk_filter(), limit=limit, budget_words=form.max_words()
    )
    titles = titles_of(home, [(hit.chunk.day, hit.chunk.conversation_id) for hit in hits])
    shown = [_show(number, hit, form.query, titles) for number, hit in enumerate(hits, 1)]
    # As many hits as were allowed: there may be more of them.
    if len(hits) == limit < MAX_LIMIT:
        address = form.address(limit=min(limit + MORE_HITS, MAX_LIMIT))
        return SearchResults(shown, more=f"{address}#hit-{limit + 1}")
    return SearchResults(shown, more=None)


def _show(number: int, hit: Hit, query: str, titles: dict[ConversationId, str]) -> ShownHit:
    chunk = hit.chunk
    address = conversation_address(
        chunk.conversation_id, day=chunk.day, chunk_id=chunk.chunk_id, query=query
    )
    snippet = split_at(hit.snippet.text, hit.snippet.matches) if _is_long(hit) else None
    return ShownHit(
        number=number,
        chunk=chunk,
        score=hit.score,
        title=titles.get(chunk.conversation_id),
        messages=list(_show_messages(hit)),
        snippet=snippet,
        address=address,
        day_address=day_address(chunk.day),
    )


def _show_messages(hit: Hit) -> Iterator[ShownMessage]:
    message_ids = [span.message_id for span in merge_spans(hit.chunk.spans)]
    numbers = {message_id: number for number, message_id in enumerate(message_ids)}
    next_number = None
    for part in hit.said:
        # A hit may leave out messages of its chunk; the page marks the gap.
        number = numbers.get(part.span.message_id, -1)
        is_after_gap = next_number is not None and number != next_number
        marked_text = mark_words(part.text, hit.terms)
        yield ShownMessage(str(part.voice), part.voice.role, marked_text, is_after_gap)
        next_number = number + 1


def _is_long(hit: Hit) -> bool:
    characters = sum(len(part.text) for part in hit.said)
    return characters > SHORT_CHARACTERS


def titles_of(
    home: Home, places: Iterable[tuple[date, ConversationId]]
) -> dict[ConversationId, str]:
    """The titles of conversations, each looked up on a day that it has messages on.

    Conversations without a title, and those of a day that cannot be read, are missing.
    """
    ids_by_day = defaultdict[date, set[ConversationId]](set)
    for day, conversation_id in places:
        ids_by_day[day].add(conversation_id)
    titles: dict[ConversationId, str] = {}
    for day, wanted_ids in ids_by_day.items():
        try:
            with home.store.open_conversations(day) as rows:
                titles_of_day = dict(rows.cells("conversation_id", "title"))
        except StorageError:
            # Hits are found in the index: without this day's titles they can still be shown.
            continue
        for conversation_id in wanted_ids:
            title = titles_of_day.get(conversation_id)
            if title:
                titles[conversation_id] = title
    return titles
