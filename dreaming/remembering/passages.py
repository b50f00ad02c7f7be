"""What the memory index holds of a chunk: its passages, each what one message says in it, with
their signs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreaming.chunk import CONTENT_SEPARATOR, BChunk, Span, merge_spans
from dreaming.conversation import ConversationDay, ConversationId, Message, Role
from dreaming.remembering.dates import names_a_time
from dreaming.remembering.postings import HEADER
from dreaming.remembering.term_extraction import ExtractedTerms, find_terms
from dreaming.remembering.words import fold

SIGNS = np.dtype([("length", "<u2"), ("voice", "u1"), ("asks", "u1"), ("tells_time", "u1")])
"""Of a passage: half words, which of its chunk's voices says it, whether it asks, whether it names
a time.
"""

HALF_WORDS = 2
"""In a word."""
_MOST_VOICES = 255


class Voice(NamedTuple):
    """Who speaks: the name, where the source gives one, and the role."""

    name: str | None
    role: Role

    def __str__(self) -> str:
        return self.name or self.role


class Passage(NamedTuple):
    """What one message says in a chunk."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class AnalysedChunks:
    """What is indexed of chunks, in order."""

    half_words: NDArray[np.int64]
    """How long each is."""
    signs: list[bytes]
    """`SIGNS` of the passages of each."""
    terms: ExtractedTerms
    """Of all passages, of the names of who says them, and of what is beside each chunk's text."""
    chunk: NDArray[np.int64]
    """Of each text of `terms`: its chunk,"""
    passage: NDArray[np.int64]
    """and the passage in it; `HEADER` for what is beside the chunk's text."""


@dataclass(frozen=True, slots=True)
class SpokenChunk:
    """A chunk, and who says each of its passages."""

    chunk: BChunk
    title: str | None
    """Of its conversation."""
    voices: tuple[Voice, ...]


def read_passages(chunk: BChunk) -> list[Passage]:
    """The passages of a chunk, in order."""
    passages, at = [], 0
    for span in merge_spans(chunk.spans):
        length = span.end - span.start
        passages.append(Passage(span, chunk.content[at : at + length]))
        at += length + len(CONTENT_SEPARATOR)
    return passages


class SpokenChunks:
    """The chunks of a day, each with its voices; they may be gone through more than once."""

    def __init__(
        self,
        chunks: Callable[[], Iterable[BChunk]],
        conversation_of: Callable[[ConversationId], ConversationDay | None],
    ) -> None:
        """`chunks` gives those of a conversation together; `conversation_of` what was said in it,
        where it is held.
        """
        self._chunks = chunks
        self._conversation_of = conversation_of

    def __iter__(self) -> Iterator[SpokenChunk]:
        for conversation_id, rows in groupby(
            self._chunks(), key=lambda chunk: chunk.conversation_id
        ):
            conversation = self._conversation_of(conversation_id)
            title = conversation.title if conversation else None
            messages = (
                {message.id: message for message in conversation.messages} if conversation else {}
            )
            for chunk in rows:
                spans = merge_spans(chunk.spans)
                yield SpokenChunk(
                    chunk,
                    title,
                    tuple(_voice(messages.get(span.message_id), chunk) for span in spans),
                )


def _voice(message: Message | None, chunk: BChunk) -> Voice:
    if message is None:
        return Voice(None, chunk.speaker)
    return Voice(message.name if message.kind == "text" else None, message.role)


def distinct_voices(spoken: SpokenChunk) -> list[Voice]:
    """The voices of a chunk, as signs number them; those that come after many are not told apart
    from the first.
    """
    return list(dict.fromkeys(spoken.voices))[:_MOST_VOICES]


def analyse_chunks(chunks: Sequence[SpokenChunk]) -> AnalysedChunks:
    """What is indexed of chunks."""
    counts = np.array([len(spoken.voices) for spoken in chunks], dtype=np.int64)
    chunk = np.repeat(np.arange(len(chunks)), counts)
    number = np.minimum(
        np.arange(len(chunk)) - np.repeat(np.cumsum(counts) - counts, counts), HEADER - 1
    )
    said = [fold(passage.text) for spoken in chunks for passage in read_passages(spoken.chunk)]
    named = [fold(voice.name or "") for spoken in chunks for voice in spoken.voices]
    terms = find_terms([*said, *named, *map(_beside, chunks)])
    half_words = terms.half_words[: len(said)]
    signs = np.zeros(len(said), SIGNS)
    signs["length"] = np.minimum(half_words, np.iinfo(SIGNS["length"]).max)
    signs["voice"] = [n for spoken in chunks for n in _voice_numbers(spoken)]
    # A full-width question mark is folded to this one.
    signs["asks"] = ["?" in text for text in said]
    signs["tells_time"] = [names_a_time(text) for text in said]
    return AnalysedChunks(
        half_words=np.bincount(chunk, half_words, minlength=len(chunks)).astype(np.int64),
        signs=[own.tobytes() for own in np.split(signs, np.cumsum(counts)[:-1])] if chunks else [],
        terms=terms,
        chunk=np.concatenate([chunk, chunk, np.arange(len(chunks))]),
        passage=np.concatenate([number, number, np.full(len(chunks), HEADER)]),
    )


def _voice_numbers(spoken: SpokenChunk) -> Iterator[int]:
    numbers = {voice: n for n, voice in enumerate(distinct_voices(spoken))}
    return (numbers.get(voice, 0) for voice in spoken.voices)


def _beside(spoken: SpokenChunk) -> str:
    """What stands beside a chunk's text, folded."""
    chunk = spoken.chunk
    return fold("\n".join([chunk.summary, spoken.title or "", *chunk.labels, *chunk.entities]))
