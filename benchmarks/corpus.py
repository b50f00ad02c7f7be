"""The conversations that everything is measured on: a folder of JSONL, or the samples that come
with dreaming.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Literal, get_args

import dreaming.samples
from dreaming.conversation import Conversation, Message
from dreaming.errors import UsageError
from dreaming.importing import ImportReport, read_exports
from dreaming.testing import Said, make_conversation

Language = Literal["en", "zh", "ja", "mixed"]

_LANGUAGE = re.compile(r"_(mixed|en|zh|ja)(?:_|$)")
"""In a file's name: `crosswoz_zh`, `bsd_mixed_ja_en`."""

MESSAGE_STEP = timedelta(seconds=1)
"""Between two messages that are made: the longest conversation stays within its day."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Conversations by language; a language that there is nothing in is left out."""

    by_language: dict[Language, tuple[Conversation, ...]]
    data: Path | None
    """The folder that it was read from; None for the shipped samples."""

    @property
    def source(self) -> str:
        """Where the text comes from, in words."""
        return (
            str(self.data)
            if self.data
            else "the shipped samples; --data FOLDER measures on your own"
        )

    def sample(self, language: Language, size_bytes: int) -> list[Conversation]:
        """About so much text of a language: conversations from all
        over it, not from its beginning.
        """
        held = self.by_language[language]
        share = size_bytes / sum(map(text_bytes, held))
        if share >= 1:
            return list(held)
        return [held[int(n / share)] for n in range(max(1, int(len(held) * share)))]

    def messages(self) -> Iterator[Message]:
        """The messages of all languages, over and over, the languages taking turns."""
        streams = [
            cycle([m for conversation in held for m in conversation.messages if m.content])
            for held in self.by_language.values()
        ]
        for stream in cycle(streams):
            yield from islice(stream, 20)


def load_corpus(data: Path | None) -> Corpus:
    """Read `DATA/conversations/*.jsonl`, or the samples; raises
    `UsageError` when there are none.
    """
    files: Sequence[Path] = (
        sorted((data / "conversations").glob("*.jsonl")) if data else dreaming.samples.FILES
    )
    if not files:
        raise UsageError(
            f"There is no conversations/*.jsonl in {str(data)!r}. Leave --data out to use the "
            "samples."
        )
    held: dict[Language, list[Conversation]] = {}
    for file in files:
        held.setdefault(_language(file), []).extend(read_exports([file], ImportReport()))
    in_order: tuple[Language, ...] = get_args(Language)
    by_language = {language: tuple(held[language]) for language in in_order if language in held}
    return Corpus(by_language, data)


def _language(file: Path) -> Language:
    found = _LANGUAGE.search(file.stem)
    return (
        "mixed" if found is None else next(code for code in get_args(Language) if code == found[1])
    )


def text_bytes(conversation: Conversation) -> int:
    """The UTF-8 bytes of a conversation's messages: what all sizes and speeds here count."""
    return sum(len(m.content.encode()) for m in conversation.messages)


def make_conversations(
    corpus: Corpus, day: date, *, conversation_bytes: Sequence[int]
) -> Iterator[Conversation]:
    """Conversations of a day, one of each size: the corpus repeated, each message a little
    different from the last.
    """
    messages = corpus.messages()
    start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    for number, size in enumerate(conversation_bytes):
        said: list[Said] = []
        held = 0
        while held < size:
            message = next(messages)
            text = f"{message.content} {day:%j}-{number}"
            said.append((message.role, text, message.kind))
            held += len(text.encode())
        yield make_conversation(
            said, conversation_id=f"benchmark:{day}:{number}", at=start, step=MESSAGE_STEP
        )


def make_talks(
    corpus: Corpus, day: date, *, talk_messages: Sequence[int]
) -> Iterator[Conversation]:
    """Conversations of a day, each of so many messages: the corpus repeated, a little different
    each time.
    """
    messages = corpus.messages()
    start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    for number, count in enumerate(talk_messages):
        said: list[Said] = [
            (m.role, f"{m.content} {day:%j}-{number}", m.kind) for m in islice(messages, count)
        ]
        yield make_conversation(
            said, conversation_id=f"benchmark:{day}:{number}", at=start, step=MESSAGE_STEP
        )
