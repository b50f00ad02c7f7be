"""Writes a file, imports it, and hands over what came of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from dreaming.conversation import Conversation
from dreaming.importing import FileReport, ImportReport, read_exports


@dataclass(frozen=True)
class Imported:
    """The outcome of an import."""

    conversations: list[Conversation]
    report: ImportReport

    @property
    def conversation(self) -> Conversation:
        """The only conversation."""
        assert len(self.conversations) == 1, self.report
        return self.conversations[0]

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """(role, kind, content) of the only conversation's messages."""
        return [(m.role, m.kind, m.content) for m in self.conversation.messages]

    @property
    def ids(self) -> list[str]:
        """The message ids of the only conversation."""
        return [message.id for message in self.conversation.messages]

    @property
    def file(self) -> FileReport:
        """The report of the first file."""
        return self.report.files[0]

    @property
    def skipped(self) -> dict[str, int]:
        """What was skipped in all files, by reason."""
        return {str(reason): count for reason, count in self.report.skipped.items()}

    @property
    def error(self) -> str:
        """The only error, as `Type: message`."""
        assert len(self.report.errors) == 1, self.report.errors
        return f"{self.report.errors[0].type}: {self.report.errors[0].message}"


ImportContent: TypeAlias = Callable[..., Imported]


def import_paths(*paths: Path, **options: Any) -> Imported:
    """Import files or folders."""
    report = ImportReport()
    return Imported(list(read_exports(paths, report, **options)), report)


def as_bytes(content: object) -> bytes:
    """Bytes as they are, text in UTF-8, anything else as JSON."""
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def as_lines(*entries: object) -> str:
    """JSONL."""
    return "".join(json.dumps(entry) + "\n" for entry in entries)


@pytest.fixture
def import_content(tmp_path: Path) -> ImportContent:
    """Write content to a file and import it."""

    def run(content: object, name: str = "export.json", **options: Any) -> Imported:
        path = tmp_path / name
        path.write_bytes(as_bytes(content))
        return import_paths(path, **options)

    return run
