"""What the memory index holds of a chunk: its passages, each what one message says in it, with their signs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from dreaming.chunk import CONTENT_SEPARATOR, BChunk, Span, merge_spans
from dreaming.conversation import ConversationDay, ConversationId, Message, Role
from dreaming.remembering.dates import names_a_time
from dreaming.remembering.words import analyse, fold, words

SIGNS = np.dtype([("length", "<u2"), ("voice", "u1"), ("asks", "u1"), ("tells_time", "u1")])
"""Of a passage: half words, which of its chunk's voices says it, whether it asks, whether it names a time."""

HALF_WORDS = 2
"""In a word."""


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


class Analysed(NamedTuple):
    """What is indexed of a passage."""

    terms: list[str]
    """The name of who says it among them."""
    half_words: int
    asks: bool
    tells_time: bool


@dataclass(frozen=True, slots=True)
class Spoken:
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
        """`chunks` gives those of a conversation together; `conversation_of` what was said in it, where it is held."""
        self._chunks = chunks
        self._conversation_of = conversation_of

    def __iter__(self) -> Iterator[Spoken]:
        for conversation_id, rows in groupby(self._chunks(), key=lambda chunk: chunk.conversation_id):
            conversation = self._conversation_of(conversation_id)
            title = conversation.title if conversation else None
            messages = {message.id: message for message in conversation.messages} if conversation else {}
            for chunk in rows:
                spans = merge_spans(chunk.spans)
                yield Spoken(chunk, title, tuple(_voice(messages.get(span.message_id), chunk) for span in spans))


def _voice(message: Message | None, chunk: BChunk) -> Voice:
    if message is None:
        return Voice(None, chunk.speaker)
    return Voice(message.name if message.kind == "text" else None, message.role)


def analyse_passage(text: str, voice: Voice) -> Analysed:
    """What is indexed of what a voice says."""
    folded = fold(text)
    terms, half_words = analyse(folded)
    # A full-width question mark is folded to this one.
    return Analysed(words(voice.name) + terms if voice.name else terms, half_words, "?" in folded, names_a_time(folded))


def pack_signs(passages: Sequence[Analysed], voices: Iterable[int]) -> bytes:
    """The signs of passages, which are said by the voices of those numbers."""
    cells = [
        (min(passage.half_words, 0xFFFF), voice, passage.asks, passage.tells_time)
        for passage, voice in zip(passages, voices, strict=True)
    ]
    return np.array(cells, dtype=SIGNS).tobytes()
