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

SHORT = 900
"""Characters that a hit shows at once; of a longer one the snippet comes first."""
MORE = 10


@dataclass(frozen=True, slots=True)
class ShownSaid:
    """What one message says of a hit."""

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
    said: list[ShownSaid]
    snippet: list[Part] | None
    """Of a long hit."""
    address: str
    day_address: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    hits: list[ShownHit]
    more: str | None
    """The address of the same search with more hits; None where there are no more."""


def find(home: Home, form: SearchForm) -> Found:
    """Search as the form asks; raises `UsageError` for what cannot be searched."""
    limit = form.hits_wanted()
    hits = home.memory.search(
        form.query, form.wanted(), limit=limit, budget_words=form.words_wanted()
    )
    titles = titles_of(home, ((hit.chunk.day, hit.chunk.conversation_id) for hit in hits))
    shown = [_show(number, hit, form.query, titles) for number, hit in enumerate(hits, 1)]
    is_cut = len(hits) == limit < MAX_LIMIT
    more = (
        form.address(limit=min(limit + MORE, MAX_LIMIT)) + f"#hit-{limit + 1}" if is_cut else None
    )
    return Found(shown, more)


def _show(number: int, hit: Hit, query: str, titles: dict[ConversationId, str]) -> ShownHit:
    chunk = hit.chunk
    return ShownHit(
        number=number,
        chunk=chunk,
        score=hit.score,
        title=titles.get(chunk.conversation_id),
        said=list(_show_said(hit)),
        snippet=split_at(hit.snippet.text, hit.snippet.matches) if _is_long(hit) else None,
        address=conversation_address(
            chunk.conversation_id, day=chunk.day, chunk_id=chunk.chunk_id, query=query
        ),
        day_address=day_address(chunk.day),
    )


def _show_said(hit: Hit) -> Iterator[ShownSaid]:
    places = {span.message_id: place for place, span in enumerate(merge_spans(hit.chunk.spans))}
    next_place = None
    for one in hit.said:
        place = places.get(one.span.message_id, -1)
        is_after_gap = next_place is not None and place != next_place
        yield ShownSaid(
            str(one.voice), one.voice.role, mark_words(one.text, hit.terms), is_after_gap
        )
        next_place = place + 1


def _is_long(hit: Hit) -> bool:
    return sum(len(one.text) for one in hit.said) > SHORT


def titles_of(
    home: Home, places: Iterable[tuple[date, ConversationId]]
) -> dict[ConversationId, str]:
    """The titles of conversations on some days; without those that have none, or whose day cannot
    be read.
    """
    wanted = defaultdict[date, set[ConversationId]](set)
    for day, conversation_id in places:
        wanted[day].add(conversation_id)
    titles: dict[ConversationId, str] = {}
    for day, ids in wanted.items():
        try:
            with home.store.open_conversations(day) as rows:
                cells = rows.cells("conversation_id", "title")
                titles |= {own_id: title for own_id, title in cells if title and own_id in ids}
        except StorageError:
            continue
    return titles
