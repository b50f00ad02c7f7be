"""The files that an import reads: given one by one, or found in folders."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO

from dreaming.errors import UnreadableExport
from dreaming.importing.report import ImportReport, SkipReason

_ENDINGS = frozenset({".json", ".jsonl", ".ndjson", ".zip", ".html"})


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file to read, or a member of an archive."""

    path: str
    """Its name in reports: the path, or `archive.zip!member`."""
    open: Callable[[], BinaryIO]
    """Opens it at its start; may be called more than once."""


def is_export_name(path: PurePath) -> bool:
    """Whether a file in a folder or archive is read: it is not hidden, and ends as exports do."""
    if path.suffix.lower() not in _ENDINGS:
        return False
    for part in path.parts:
        # macOS adds a folder of file attributes to its archives.
        is_hidden = part.startswith((".", "__MACOSX"))
        if is_hidden and part not in {".", ".."}:
            return False
    return True


def find_files(path: Path, report: ImportReport) -> Iterator[Path]:
    """Yield the file at `path`, or the files below it in sorted order.

    Other files are counted. A path that does not exist or cannot be listed is recorded as an
    UnreadableExport.
    """
    # os.path answers False where pathlib raises: for a name too long, or a folder that may not be
    # entered.
    if os.path.isdir(path):  # noqa: PTH112
        yield from _walk(path, report)
    elif os.path.isfile(path):  # noqa: PTH113
        yield path
    else:
        error = UnreadableExport(
            f"{str(path)!r} is no file or folder that exists. Give the path of an export."
        )
        report.add(str(path)).fail(error)


def _walk(root: Path, report: ImportReport) -> Iterator[Path]:
    others = 0

    def record(error: OSError) -> None:
        failure = UnreadableExport(
            f"{error.filename!r} cannot be listed: {error.strerror}. Check its permissions."
        )
        report.add(str(error.filename)).fail(failure)

    for folder, folders, names in os.walk(root, onerror=record):
        # In place: `os.walk` enters the folders that are left in this list, in its order.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            # Opening a named pipe would block for ever, so only regular files are read.
            if is_export_name(PurePath(name)) and file.is_file():
                yield file
            else:
                others += 1
    if others:
        report.add(str(root)).skip(SkipReason.OTHER_FILE, others)
