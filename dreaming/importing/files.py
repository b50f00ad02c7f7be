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
    """Something to read: a file, or a member of an archive."""

    path: str
    """What people call it: the path, or `archive.zip!member`."""
    open: Callable[[], BinaryIO]
    """Open it at its start; may be called again."""


def is_export_name(path: PurePath) -> bool:
    """Whether a file found in a folder or archive is looked at: not hidden, with an ending that
    exports have.
    """
    hidden = any(
        part.startswith((".", "__MACOSX")) and part not in {".", ".."} for part in path.parts
    )
    return not hidden and path.suffix.lower() in _ENDINGS


def find_files(path: Path, report: ImportReport) -> Iterator[Path]:
    """Yield the file at `path`, or those below it in sorted order; files of other kinds are
    counted.

    What does not exist or cannot be listed is recorded as an UnreadableExport.
    """
    # os.path answers False where pathlib raises: for a name too long, or a folder that may not be
    # entered.
    if os.path.isdir(path):  # noqa: PTH112
        yield from _walk(path, report)
    elif os.path.isfile(path):  # noqa: PTH113
        yield path
    else:
        report.add(str(path)).fail(
            UnreadableExport(
                f"{str(path)!r} is no file or folder that exists. Give the path of an export."
            )
        )


def _walk(root: Path, report: ImportReport) -> Iterator[Path]:
    others = 0

    def record(error: OSError) -> None:
        report.add(str(error.filename)).fail(
            UnreadableExport(
                f"{error.filename!r} cannot be listed: {error.strerror}. Check its permissions."
            )
        )

    for folder, folders, names in os.walk(root, onerror=record):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        wanted = [Path(folder, name) for name in sorted(names) if is_export_name(PurePath(name))]
        regular = [file for file in wanted if file.is_file()]  # a named pipe would block for ever
        others += len(names) - len(regular)
        yield from regular
    if others:
        report.add(str(root)).skip(SkipReason.OTHER_FILE, others)
