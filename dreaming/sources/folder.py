"""A folder that is watched: every export that appears or grows in it is imported."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from dreaming.importing import ImportReport, read_exports
from dreaming.storage.archive import Archive, ArchiveReport
from dreaming.storage.tables import watched_files

EXPORT_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".zip"})


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was when it was looked at."""

    path: Path
    size: int
    modified_ns: int


class WatchedFolder:
    """A folder and its subfolders, for example `~/.claude/projects` or where a browser puts
    downloads.
    """

    def __init__(self, folder: Path, archive: Archive, *, local_only: bool = False) -> None:
        self.folder = folder
        self.local_only = local_only
        """Whether what is imported from it must not leave the machine."""
        self._archive = archive

    def news(self) -> list[FileState]:
        """The files that are new or changed since they were last
        imported; cheap, reads no content.
        """
        with self._archive.database.read() as connection:
            rows = connection.execute(sa.select(watched_files)).all()
        seen = {row.path: (row.size, row.modified_ns) for row in rows}
        return [
            s for s in self._states() if seen.get(_stored_path(s.path)) != (s.size, s.modified_ns)
        ]

    def refresh(self) -> tuple[ImportReport, ArchiveReport]:
        """Import what is new; a file that cannot be read is reported, and tried again once it
        changes.
        """
        news, report = self.news(), ImportReport()
        stored = self._archive.add(
            read_exports([state.path for state in news], report), local_only=self.local_only
        )
        with self._archive.database.write() as connection:
            for state in news:
                path = _stored_path(state.path)
                connection.execute(watched_files.delete().where(watched_files.c.path == path))
                connection.execute(
                    watched_files.insert().values(
                        path=path, size=state.size, modified_ns=state.modified_ns
                    )
                )
        return report, stored

    def _states(self) -> Iterator[FileState]:
        for path in sorted(self.folder.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(self.folder).parts)
            if hidden or path.suffix.lower() not in EXPORT_SUFFIXES or not path.is_file():
                continue
            status = path.stat()
            yield FileState(path, status.st_size, status.st_mtime_ns)


def _stored_path(path: Path) -> str:
    """The path as text that a database can hold: a file name is bytes, and need not be UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
