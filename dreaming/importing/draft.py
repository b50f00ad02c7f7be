"""A conversation as its source says it, before ids are given and characters checked."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from dreaming.conversation import MessageKind, Role
from dreaming.importing.report import FileReport, SkipReason


class Piece(NamedTuple):
    """One block of a source message: what it is, and its text."""

    kind: MessageKind
    content: str
    name: str | None = None


class DraftMessage(NamedTuple):
    """A message to be; a tuple, because there are millions of them."""

    role: Role
    content: str
    kind: MessageKind = "text"
    name: str | None = None
    timestamp: datetime | None = None
    source_id: str | None = None
    """None where the source gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A conversation to be: its active branch, in order."""

    source_id: str | None
    """None where the source gives none."""
    messages: Sequence[DraftMessage]
    title: str | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    local_only: bool = False


def split_message(
    pieces: Iterable[Piece],
    report: FileReport,
    *,
    role: Role,
    source_id: str | None,
    timestamp: datetime | None,
    name: str | None = None,
) -> list[DraftMessage]:
    """Make the messages of one source message: a message a piece, neighbouring texts joined by a
    blank line.

    The first text keeps the source's id; the others are `{id}/{kind}/{n}`, n counting from 1 within
    message and kind, so that ids stay when the message grows. Blank pieces fall away; a message
    without any other is counted as empty.
    """
    counts: Counter[MessageKind] = Counter()
    messages: list[DraftMessage] = []
    for piece in _join_texts(piece for piece in pieces if piece.content.strip()):
        counts[piece.kind] += 1
        first_text = piece.kind == "text" and counts["text"] == 1
        piece_id = (
            source_id
            if first_text or source_id is None
            else f"{source_id}/{piece.kind}/{counts[piece.kind]}"
        )
        speaker: Role = "tool" if piece.kind == "tool_result" else role
        messages.append(
            DraftMessage(
                speaker, piece.content, piece.kind, piece.name or name, timestamp, piece_id
            )
        )
    if not messages:
        report.skip(SkipReason.EMPTY_MESSAGE)
    return messages


def _join_texts(pieces: Iterable[Piece]) -> Iterator[Piece]:
    texts: list[str] = []
    for piece in pieces:
        if piece.kind == "text":
            texts.append(piece.content)
            continue
        if texts:
            yield Piece("text", "\n\n".join(texts))
            texts = []
        yield piece
    if texts:
        yield Piece("text", "\n\n".join(texts))
