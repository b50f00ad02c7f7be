"""A folder that is watched: every new or changed export in it is imported."""

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
    """The size and time of a file; while both are the same, its content counts as the same."""

    path: Path
    size: int
    modified_ns: int


class WatchedFolder:
    """A folder and its subfolders, for example `~/.claude/projects` or a browser's downloads."""

    def __init__(self, folder: Path, archive: Archive, *, local_only: bool = False) -> None:
        self.folder = folder
        self.local_only = local_only
        """Whether conversations imported from it must stay on this machine."""
        self._archive = archive

    def news(self) -> list[FileState]:
        """The files that are new or changed since their last import; reads no content."""
        with self._archive.database.read() as connection:
            rows = connection.execute(sa.select(watched_files)).all()
        imported = {row.path: (row.size, row.modified_ns) for row in rows}
        news: list[FileState] = []
        for state in self._states():
            last_state = imported.get(_stored_path(state.path))
            if last_state != (state.size, state.modified_ns):
                news.append(state)
        return news

    def refresh(self) -> tuple[ImportReport, ArchiveReport]:
        """Import new and changed files.

        A file that cannot be read is reported, and read again only after it changes.
        """
        # States from before the reading: a file that grows meanwhile is news again.
        news = self.news()
        report = ImportReport()
        paths = [state.path for state in news]
        stored = self._archive.add(read_exports(paths, report), local_only=self.local_only)
        # After the import: when it is interrupted, the files stay news.
        self._note(news)
        return report, stored

    def _note(self, imported: list[FileState]) -> None:
        with self._archive.database.write() as connection:
            for state in imported:
                path = _stored_path(state.path)
                connection.execute(watched_files.delete().where(watched_files.c.path == path))
                row = {"path": path, "size": state.size, "modified_ns": state.modified_ns}
                connection.execute(watched_files.insert().values(row))

    def _states(self) -> Iterator[FileState]:
        for path in sorted(self.folder.rglob("*")):
            # Hidden below the folder only: the folder itself may be, as ~/.claude/projects is.
            names = path.relative_to(self.folder).parts
            is_hidden = any(name.startswith(".") for name in names)
            if is_hidden or path.suffix.lower() not in EXPORT_SUFFIXES or not path.is_file():
                continue
            status = path.stat()
            yield FileState(path, status.st_size, status.st_mtime_ns)


def _stored_path(path: Path) -> str:
    """The path as text that a database can hold: a file name is bytes, and need not be UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
