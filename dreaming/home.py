"""Everything that is kept, opened: the one place where the parts are put together."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from dreaming.chunking.segmenter import Segmenter, shipped_segmenter
from dreaming.conversation import ConversationId
from dreaming.embedding import ENCODER_NAME, open_encoder
from dreaming.errors import ConfigurationError, DreamingError, StorageError, UsageError
from dreaming.importing.formats import FORMATS
from dreaming.pipeline.day import Chunker, Pipeline
from dreaming.pipeline.model_chunker import ModelReport
from dreaming.remembering.encoding import NamedEncoder
from dreaming.remembering.index import MemoryIndex
from dreaming.remembering.search import Memory
from dreaming.remembering.writer_priority import WriterPriority
from dreaming.settings import Settings, absolute_path
from dreaming.sources import DaySource
from dreaming.sources.database import DatabaseSource
from dreaming.sources.folder import WatchedFolder
from dreaming.spending.batches import Batches
from dreaming.spending.ledger import Ledger
from dreaming.statistics import ChunkStatistics
from dreaming.storage.archive import Archive, machine_time_zone
from dreaming.storage.database import Database, DatabaseName, open_database
from dreaming.storage.locks import DayLocks, FileDayLocks, PostgresDayLocks
from dreaming.storage.moves import require_here
from dreaming.storage.partitions import PartitionStore
from dreaming.storage.plans import Plans
from dreaming.storage.purchases import Purchases
from dreaming.storage.requests import Requests
from dreaming.storage.segmenters import Segmenters
from dreaming.storage.tasks import SubmittedTasks


def utc_now() -> datetime:
    """The clock of the real world."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Home:
    """An open `DREAMING_HOME`."""

    settings: Settings
    clock: Callable[[], datetime]
    archive: Archive
    ledger: Ledger
    purchases: Purchases
    batches: Batches
    requests: Requests
    tasks: SubmittedTasks
    plans: Plans
    segmenters: Segmenters
    store: PartitionStore
    index: MemoryIndex
    memory: Memory
    pipeline: Pipeline
    on_published: Callable[[date, ChunkStatistics], None]
    """Called with each published day and what it holds: for progress and summaries."""
    on_model_report: Callable[[ModelReport], None]
    """Called at the end of a run with what a model did in it."""

    def local_only(self) -> set[ConversationId]:
        """The conversations that must not leave the machine, those of other sources included."""
        rule = self.archive.local_only_rule()
        # The archive knows what was imported; what other sources gave stands in the index alone.
        elsewhere = {
            each for source in rule.sources for each in self.index.conversations_of(source)
        }
        return self.archive.local_only() | {
            each for each in elsewhere if rule.marks.get(each, True)
        }

    def mark_local_only(self, conversation_id: ConversationId, *, local_only: bool) -> set[date]:
        """Keep a conversation on this machine, or let it leave again; what was bought stays.

        Returns its days, which are to be run.

        Raises `UsageError` where no such conversation is held.
        """
        days = self.archive.days_of(conversation_id) | self.index.days_of(conversation_id)
        if not days:
            raise UsageError(
                f"No conversation {conversation_id!r} is held. `dreaming search --json` shows the "
                "ids of what it finds."
            )
        self.archive.mark_local_only(conversation_id, local_only=local_only, days=days)
        return days

    def forget(self, conversation_id: ConversationId) -> set[date]:
        """Delete what was imported, bought and asked about a conversation, for good.

        Later imports leave it out.

        The ledger's figures stay. Returns the days whose partitions still hold it: run them, then
        `erase_deleted`. May be repeated until that was done. Raises `UsageError` when no such
        conversation is, or was, held.
        """
        days = self.archive.days_of(conversation_id) | self.index.days_of(conversation_id)
        if not days and not self.archive.is_forgotten(conversation_id):
            raise UsageError(
                f"No conversation {conversation_id!r} is held. `dreaming search` shows the ids of "
                "what it finds."
            )
        self.archive.forget(conversation_id)
        self.purchases.forget(conversation_id)
        self.ledger.forget(conversation_id)
        self.requests.forget(conversation_id)
        self.memory.forget(conversation_id)
        return days

    def require_standing(self, request_id: str) -> None:
        """Raise `UsageError` for a request that was undone."""
        if self.purchases.is_undone(request_id):
            raise UsageError(
                f"The upgrade {request_id!r} was undone, and buys nothing any more. Ask for a new "
                "one with "
                "`dreaming upgrade`; --include-undone brings back what this one had bought, for "
                "nothing."
            )

    def undo(self, request_id: str) -> list[date]:
        """Take an upgrade back and publish the days that it changed; returns these days.

        What it cost stays spent.

        Works also after later upgrades, and may be repeated. Raises `UsageError` for a request that
        is not known.
        """
        self.requests.get(request_id)
        changed = self.purchases.undo(request_id, self.index.days_of, at=self.clock())
        days = sorted(set(changed) & set(self.store.days("upgraded_chunks")))
        failures = []
        for day in days:
            try:
                self.pipeline.publish(day)
            except DreamingError as error:
                failures.append(f"{day}: {error}")
        if failures:
            raise StorageError(
                f"Undone, but these days still show it: {'; '.join(failures)} Mend them, and undo "
                "again."
            )
        return days

    def erase_deleted(self) -> None:
        """Make what was deleted unreadable in the database files too."""
        self.index.erase_deleted()
        # SQLite keeps deleted rows in free pages, and in its log, until they are overwritten.
        for database in (self.archive.database, self.ledger.database):
            database.erase_deleted()


@contextmanager
def open_home(
    settings: Settings,
    *,
    folders: Sequence[Path] | None = None,
    sources: Sequence[DaySource] | None = None,
    chunker: Chunker | None = None,
    segmenter: Segmenter | None = None,
    clock: Callable[[], datetime] = utc_now,
    on_published: Callable[[date, ChunkStatistics], None] = lambda _day, _statistics: None,
    on_model_report: Callable[[ModelReport], None] = lambda _report: None,
    while_moving: bool = False,
) -> Iterator[Home]:
    """Open the home, making it where there is none.

    Args:
        settings: what the environment decides.
        folders: watched folders; by default those of the settings.
        sources: further sources of `raw_conversations`; by default those of the settings.
        chunker: what cuts basic chunks; by default the rules, with the segmenter that was learned
            last.
        segmenter: what is learned from, in the place of the one that comes with dreaming.
        clock: tells the time, for tests.
        on_published: told each day that was published, and what it holds.
        on_model_report: told at the end of a run what a model did in it.
        while_moving: whether it may be opened before all of it has come; see `dreaming.moving`.

    Raises:
        ConfigurationError: the settings ask for an extra that is not installed.
        StorageError: the home cannot be written, was written by a newer dreaming, or was moved
            away.
        UsageError: another time zone is asked for than the one that is pinned.

    """
    watched = settings.watched_folders if folders is None else folders
    further = tuple(_sources(settings) if sources is None else sources)
    named, kept_folders = _local_only_sources(settings, watched, further)
    _make_private_folder(settings.home)
    databases = {name: _database(name, settings) for name in ("archive", "ledger", "memory")}
    ledger = Ledger(databases["ledger"], clock)
    try:
        if not while_moving:
            require_here(databases["archive"])
        archive = Archive(
            databases["archive"], start=settings.start_date, clock=clock, local_only_sources=named
        )
        archive.pin_time_zone(settings.time_zone, machine=machine_time_zone())
        encoder = NamedEncoder(ENCODER_NAME, open_encoder()) if settings.embedding else None
        # Who shares a database server need not share a machine.
        writer_priority = WriterPriority(None if settings.database_url else settings.home / "locks")
        index = MemoryIndex(databases["memory"], writer_priority, encoder)
        segmenters = Segmenters(databases["ledger"], segmenter or segmenter_of(settings))
        store = PartitionStore(settings.store_url, staging=settings.home / "staged")
        purchases = Purchases(databases["ledger"])
        pipeline = Pipeline(
            archive=archive,
            folders=tuple(
                WatchedFolder(each, archive, local_only=str(each) in kept_folders)
                for each in watched
            ),
            sources=further,
            store=store,
            locks=_locks(settings, databases["ledger"]),
            purchases=purchases,
            index=index,
            chunker=chunker or segmenters.chunker(),
            clock=clock,
        )
        memory = Memory(
            index,
            databases["ledger"],
            remember_queries=settings.remember_queries,
            clock=clock,
            day_of=archive.calendar.day_of,
        )
        yield Home(
            settings=settings,
            clock=clock,
            archive=archive,
            ledger=ledger,
            purchases=purchases,
            batches=Batches(ledger.database, clock),
            requests=Requests(ledger.database),
            tasks=SubmittedTasks(ledger.database),
            plans=Plans(ledger.database),
            segmenters=segmenters,
            store=store,
            index=index,
            memory=memory,
            pipeline=pipeline,
            on_published=on_published,
            on_model_report=on_model_report,
        )
    finally:
        ledger.close()
        for database in databases.values():
            database.close()


def segmenter_of(settings: Settings) -> Segmenter:
    """The shipped segmenter as the settings want it; raises `ConfigurationError`."""
    return shipped_segmenter(open_encoder() if settings.embedding else None)


def _local_only_sources(
    settings: Settings, folders: Sequence[Path], sources: Sequence[DaySource]
) -> tuple[set[str], set[str]]:
    """The sources and the watched folders that stay on this machine.

    Raises `ConfigurationError` for a name that is neither.
    """
    known = {*FORMATS, *(source.name for source in sources)}
    paths = {
        str(absolute_path(each))
        for each in settings.local_only_sources
        if each not in known and os.sep in each
    }
    watched = {str(folder) for folder in folders}
    unknown = [
        each for each in settings.local_only_sources if each not in known and os.sep not in each
    ]
    for each in [*unknown, *sorted(paths - watched)]:
        raise ConfigurationError(
            f"DREAMING_LOCAL_ONLY_SOURCES names {each!r}, which is no source. Name some of "
            f"{', '.join(sorted(known))}, "
            "or a folder of DREAMING_WATCH."
        )
    return set(settings.local_only_sources) & known, paths


def _database(name: DatabaseName, settings: Settings) -> Database:
    database = open_database(name, home=settings.home, database_url=settings.database_url)
    if database.is_sqlite:
        # Also where the home was there before, with wider permissions; SQLite gives its other files
        # the same.
        (settings.home / f"{name}.sqlite").chmod(0o600)
    return database


def _sources(settings: Settings) -> list[DaySource]:
    given = settings.database_source
    if given is None:
        return []
    return [
        DatabaseSource.configured(given.name, given.url, given.query, given.columns, given.bounds)
    ]


def _locks(settings: Settings, ledger: Database) -> DayLocks:
    return (
        PostgresDayLocks(ledger) if settings.database_url else FileDayLocks(settings.home / "locks")
    )


def _make_private_folder(home: Path) -> None:
    """Make the home for its owner only: what people say to assistants is nobody else's."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"DREAMING_HOME {str(home)!r} cannot be made: {error.strerror}. Set it to a folder "
            "you can write."
        ) from error
    if not home.is_dir() or not os.access(home, os.W_OK | os.X_OK):
        raise StorageError(
            f"DREAMING_HOME {str(home)!r} is not a folder you can write. Set DREAMING_HOME to one "
            "that is."
        )
    if home.stat().st_uid == os.getuid() and home.stat().st_mode & 0o077:
        home.chmod(0o700)
