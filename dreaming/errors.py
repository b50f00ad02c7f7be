"""The error tree: every error that dreaming raises on purpose.

    DreamingError
    ├── UsageError               what was asked for cannot be done as asked (exit code 2)
    │   ├── FilterError          a filter does not parse, or asks for what no chunk has
    │   └── ConfigurationError   a setting or environment variable cannot be used
    ├── ImportFailure            a file could not be read as an export
    │   ├── UnreadableExport     broken JSON, truncated archive, wrong encoding
    │   ├── UnknownExportFormat  readable, but no known format
    │   └── UnsafeArchive        an archive that is too big, too dense, or points outside itself
    ├── SourceError              a source of conversations (folder, database) did not answer or fit
    ├── StorageError             partitions, databases or the home folder cannot be read or written
    │   ├── DamagedPartition     a partition's file is not what was written
    │   └── DamagedDatabase      a file in the place of a SQLite database is none
    ├── TaskFailed               a task ended without a result
    └── VerbatimError            law 1 would be broken: chunks do not tile their conversation

A message says what happened, with which value, what was expected and what to do next. It never
holds chat text or a secret. What is transient (a lock, a database that restarts) is retried where
it happens; what leaves here is final.
"""


class DreamingError(Exception):
    """The root: everything that dreaming raises on purpose."""


class UsageError(DreamingError):
    """What was asked for cannot be done as asked."""


class FilterError(UsageError):
    """A filter does not parse, or asks for what no chunk has."""


class ConfigurationError(UsageError):
    """A setting or an environment variable has a value that cannot be used."""


class ImportFailure(DreamingError):
    """A file could not be read as an export."""


class UnreadableExport(ImportFailure):
    """The file is damaged: broken JSON, a truncated archive, an unknown encoding."""


class UnknownExportFormat(ImportFailure):
    """The file is readable, but its content is in no known format."""


class UnsafeArchive(ImportFailure):
    """The archive is too big, too dense, or has paths that point outside it."""


class SourceError(DreamingError):
    """A source of conversations did not answer, or answered something that does not fit."""


class StorageError(DreamingError):
    """Partitions, databases or the home folder cannot be read or written."""


class DamagedPartition(StorageError):
    """A partition's file is not what was written: cut, overwritten, or on a failing disk."""

    def __init__(self, path: str, error: Exception) -> None:
        super().__init__(
            f"The partition {path} is damaged ({type(error).__name__}). Run its day again."
        )
        self.path = path


class DamagedDatabase(StorageError):
    """A file in the place of a SQLite database is none: overwritten, or on a failing disk."""


class TaskFailed(DreamingError):
    """A task ended without a result: its run could not be made, or failed at once."""


class VerbatimError(DreamingError):
    """Law 1 would be broken: the chunks of a conversation do not tile its messages."""
