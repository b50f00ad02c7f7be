"""Passages: what one message says in a chunk, by whom, and what the index stores of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from dreaming.chunk import CONTENT_SEPARATOR, BChunk, Span, merge_spans
from dreaming.conversation import ConversationDay, ConversationId, Message, Role
from dreaming.remembering.arrays import Ints, number_in_runs
from dreaming.remembering.dates import names_a_time
from dreaming.remembering.postings import HEADER
from dreaming.remembering.term_extraction import ExtractedTerms, extract_terms
from dreaming.remembering.words import fold

SIGNS = np.dtype([("length", "<u2"), ("voice", "u1"), ("asks", "u1"), ("tells_time", "u1")])
"""What the ranking reads of a passage, the layout of `indexed_chunks.signs`: half words, the number
of its voice in the chunk, whether it is a question, whether it names a time.
"""

HALF_WORDS = 2
"""Half words in a word: a character of a script without spaces counts as one."""

_MAX_LENGTH = np.iinfo(SIGNS["length"]).max

# `SIGNS` has a byte for the number of a voice.
_MAX_VOICES = 255


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
    """What the index stores of chunks, in order."""

    half_words: Ints
    """The length of each chunk."""
    signs: list[bytes]
    """The `SIGNS` of each chunk's passages."""
    terms: ExtractedTerms
    """Of all texts: the passages, the names of their voices, and the header of each chunk."""
    chunk: Ints
    """The chunk of each text."""
    passage: Ints
    """The passage of each text; `HEADER` for a header."""


@dataclass(frozen=True, slots=True)
class SpokenChunk:
    """A chunk, and who says each of its passages."""

    # The digest of stored entries is made from these names: see `stored_segments.digest_inputs`.
    chunk: BChunk
    title: str | None
    """The title of its conversation."""
    voices: tuple[Voice, ...]
    """One for each passage."""


def read_passages(chunk: BChunk) -> list[Passage]:
    """The passages of a chunk, in order."""
    passages = []
    start = 0
    for span in merge_spans(chunk.spans):
        end = start + span.end - span.start
        passages.append(Passage(span, chunk.content[start:end]))
        start = end + len(CONTENT_SEPARATOR)
    return passages


class SpokenChunks:
    """The chunks of a day with their voices; they may be iterated over more than once."""

    def __init__(
        self,
        chunks: Callable[[], Iterable[BChunk]],
        conversation_of: Callable[[ConversationId], ConversationDay | None],
    ) -> None:
        """Join two sources, read anew for each iteration.

        `chunks` yields those of one conversation together. `conversation_of` returns its messages
        on the day, None where they are not available.
        """
        self._chunks = chunks
        self._conversation_of = conversation_of

    def __iter__(self) -> Iterator[SpokenChunk]:
        by_conversation = groupby(self._chunks(), key=lambda chunk: chunk.conversation_id)
        for conversation_id, chunks in by_conversation:
            conversation = self._conversation_of(conversation_id)
            title = None
            messages: dict[str, Message] = {}
            if conversation is not None:
                title = conversation.title
                messages = {message.id: message for message in conversation.messages}
            for chunk in chunks:
                yield SpokenChunk(chunk, title, _voices(chunk, messages))


def _voices(chunk: BChunk, messages: Mapping[str, Message]) -> tuple[Voice, ...]:
    """The voice of each passage of a chunk."""
    spans = merge_spans(chunk.spans)
    return tuple(_voice(messages.get(span.message_id), chunk) for span in spans)


def _voice(message: Message | None, chunk: BChunk) -> Voice:
    if message is None:
        return Voice(None, chunk.speaker)
    # With other kinds, the name is a tool's.
    name = message.name if message.kind == "text" else None
    return Voice(name, message.role)


def distinct_voices(spoken: SpokenChunk) -> list[Voice]:
    """The voices of a chunk in the order in which `SIGNS` number them, `_MAX_VOICES` at most."""
    return list(dict.fromkeys(spoken.voices))[:_MAX_VOICES]


def analyse_chunks(chunks: Sequence[SpokenChunk]) -> AnalysedChunks:
    """What the index stores of chunks."""
    passage_counts = np.array(
        [len(spoken.voices) for spoken in chunks],
        dtype=np.int64,
    )
    chunk_numbers = np.arange(len(chunks))
    chunk = np.repeat(chunk_numbers, passage_counts)
    # Beyond what a posting holds, passages share the last number: `HEADER` is taken.
    number = np.minimum(number_in_runs(passage_counts), HEADER - 1)
    texts: list[str] = []
    names: list[str] = []
    for spoken in chunks:
        texts += [fold(passage.text) for passage in read_passages(spoken.chunk)]
        names += [fold(voice.name or "") for voice in spoken.voices]
    headers = [_header(spoken) for spoken in chunks]
    # All texts of the chunks at once: the extraction takes arrays, not texts, one step at a time.
    terms = extract_terms([*texts, *names, *headers])
    # Names and headers do not make a passage longer.
    half_words = terms.half_words[: len(texts)]
    lengths = np.bincount(chunk, half_words, minlength=len(chunks))
    return AnalysedChunks(
        half_words=lengths.astype(np.int64),
        signs=_sign_bytes(chunks, texts, half_words, passage_counts),
        terms=terms,
        chunk=np.concatenate([chunk, chunk, chunk_numbers]),
        passage=np.concatenate([number, number, np.full(len(chunks), HEADER)]),
    )


def _sign_bytes(
    chunks: Sequence[SpokenChunk], texts: Sequence[str], half_words: Ints, passage_counts: Ints
) -> list[bytes]:
    """The `SIGNS` of each chunk's passages, from their folded texts."""
    if not chunks:
        return []
    voices: list[int] = []
    for spoken in chunks:
        voices += _voice_numbers(spoken)
    signs = np.zeros(len(texts), SIGNS)
    signs["length"] = np.minimum(half_words, _MAX_LENGTH)
    signs["voice"] = voices
    # Folding makes this mark of a full-width question mark too.
    signs["asks"] = ["?" in text for text in texts]
    signs["tells_time"] = [names_a_time(text) for text in texts]
    ends = np.cumsum(passage_counts)[:-1]
    return [of_chunk.tobytes() for of_chunk in np.split(signs, ends)]


def _voice_numbers(spoken: SpokenChunk) -> list[int]:
    numbers = {voice: number for number, voice in enumerate(distinct_voices(spoken))}
    # Voices beyond `_MAX_VOICES` count as the first one.
    return [numbers.get(voice, 0) for voice in spoken.voices]


def _header(spoken: SpokenChunk) -> str:
    """What is beside a chunk's text, folded: summary, title, labels, entities."""
    chunk = spoken.chunk
    parts = [chunk.summary, spoken.title or "", *chunk.labels, *chunk.entities]
    return fold("\n".join(parts))
