"""The interface of an export format: how to recognise it, and how to read it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from dreaming.importing.draft import ConversationDraft
from dreaming.importing.json_values import JsonObject
from dreaming.importing.report import FileReport, SkipReason

ReadEntries: TypeAlias = Callable[[Iterable[JsonObject], FileReport], Iterator[ConversationDraft]]


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format that conversations can be imported from.

    An entry is an element of the file's top-level list, its only object, or a line of JSONL.
    """

    name: str
    """Also the source of its conversations and the beginning of their ids."""
    recognises: Callable[[JsonObject], bool]
    """Whether an entry can only be of this format; it looks at keys, not at texts."""
    read: ReadEntries
    """Turns a file's entries into drafts, and counts in the file's report what it leaves out."""
    keeps_ids: bool = False
    """True: conversation ids stay as written, without the format's name before them."""


def each_entry(
    read_conversation: Callable[[JsonObject, FileReport], ConversationDraft | None],
) -> ReadEntries:
    """Read a format in which every entry is a whole conversation."""

    def read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[ConversationDraft]:
        for entry in entries:
            try:
                draft = read_conversation(entry, report)
            except RecursionError:
                # A hostile entry; the next ones are still read.
                report.skip(SkipReason.TOO_DEEP)
                continue
            if draft is not None:
                yield draft

    return read
