"""What the memory index holds of a chunk: its passages, each what one message says in it, with their signs."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreaming.chunk import CONTENT_SEPARATOR, BChunk, Span, merge_spans
from dreaming.conversation import ConversationDay, ConversationId, Message, Role
from dreaming.remembering.dates import names_a_time
from dreaming.remembering.words import count_words

SIGNS = np.dtype([("length", "<u2"), ("voice", "u1"), ("asks", "u1"), ("tells_time", "u1")])
"""Of a passage: half words, which of its chunk's voices says it, whether it asks, whether it names a time."""

HALF_WORDS = 2
_QUESTION = re.compile("[?？]")


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


def attribute(
    chunks: Iterable[BChunk], conversation_of: Callable[[ConversationId], ConversationDay | None]
) -> Iterator[Spoken]:
    """Each chunk with its voices, by the messages of its conversation; rows of a conversation stand together."""
    for conversation_id, rows in groupby(chunks, key=lambda chunk: chunk.conversation_id):
        conversation = conversation_of(conversation_id)
        title = conversation.title if conversation else None
        messages = {message.id: message for message in conversation.messages} if conversation else {}
        for chunk in rows:
            spans = merge_spans(chunk.spans)
            yield Spoken(chunk, title, tuple(_voice(messages.get(span.message_id), chunk) for span in spans))


def _voice(message: Message | None, chunk: BChunk) -> Voice:
    if message is None:
        return Voice(None, chunk.speaker)
    return Voice(message.name if message.kind == "text" else None, message.role)


def read_signs(passages: Iterable[Passage], voices: Iterable[int]) -> NDArray[np.void]:
    """The signs of passages, a row each."""
    return np.array(
        [
            (
                min(round(HALF_WORDS * count_words(passage.text)), 0xFFFF),
                voice,
                _QUESTION.search(passage.text) is not None,
                names_a_time(passage.text),
            )
            for passage, voice in zip(passages, voices, strict=True)
        ],
        dtype=SIGNS,
    )
