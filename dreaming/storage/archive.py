"""The archive: every imported conversation in its newest version, and the day of each message.

A day has a *revision*, which counts how often imports have changed it. It is published with the
messages of a revision: a day whose revision is newer than the published one is pending.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dreaming.conversation import (
    Conversation,
    ConversationDay,
    ConversationId,
    Message,
    MessageId,
    hash_messages,
    stable_hash,
)
from dreaming.days import Calendar, message_days, time_bounds
from dreaming.errors import UsageError
from dreaming.settings import parse_zone
from dreaming.storage.database import Database
from dreaming.storage.local_only import LocalOnlyRule, clear_mark, read_marks, set_mark
from dreaming.storage.tables import (
    conversations,
    days,
    forgotten,
    messages,
    settings,
    superseded_versions,
)

# A commit costs a disk flush, so that a transaction stores many conversations. Larger ones keep
# other writers waiting for longer, and lose more of an import that crashes.
BATCH_CONVERSATIONS = 200
"""Conversations that a transaction stores, at most."""

# A batch is in memory: few conversations may be very long.
BATCH_CHARACTERS = 8_000_000
"""A batch also ends when it has this much text."""

_TIME_ZONE = "time_zone"


@dataclass(slots=True)
class ArchiveReport:
    """Outcome of an import, in numbers of conversations where nothing else is said."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    """Stored already, with the same content."""
    older: int = 0
    """A newer version is stored already."""
    forgotten: int = 0
    """Left out, because the user has deleted them for good."""
    new_messages: int = 0
    doubted_times: int = 0
    """Messages whose time is before the start day or in the future.

    The rules of `dreaming.days` gave them their day.
    """
    touched_days: set[date] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _StoredMessage:
    """What a new version of a conversation is compared with."""

    day: date
    digest: str


class Archive:
    """The imported conversations, in SQL."""

    def __init__(
        self,
        database: Database,
        *,
        start: date,
        clock: Callable[[], datetime],
        local_only_sources: Collection[str] = (),
    ) -> None:
        self.database = database
        self.local_only_sources = frozenset(local_only_sources)
        self.start = start
        self.clock = clock

    def pin_time_zone(self, wanted: str | None, *, machine: str) -> None:
        """Fix the time zone at the first use: the one wanted, else the machine's.

        Raises `UsageError` when another zone than the one wanted was pinned before.
        """
        with self.database.read() as connection:
            pinned = read_setting(connection, _TIME_ZONE)
        if pinned is None:
            pinned = self._pin(wanted or machine)
        if wanted and wanted != pinned:
            raise UsageError(
                f"DREAMING_TIMEZONE={wanted!r}, but the days of this home are pinned to "
                f"{pinned!r}. "
                f"Unset it, or move all days with: dreaming timezone {wanted}"
            )

    def _pin(self, zone: str) -> str:
        """Pin a time zone; returns the pinned one."""
        with self.database.write() as connection:
            # Read again: another process may have pinned one before this transaction began.
            pinned = read_setting(connection, _TIME_ZONE)
            if pinned is None:
                connection.execute(settings.insert().values(name=_TIME_ZONE, value=zone))
        return pinned or zone

    @property
    def calendar(self) -> Calendar:
        """The pinned time zone and the start day; raises `UsageError` before a zone is pinned."""
        with self.database.read() as connection:
            name = read_setting(connection, _TIME_ZONE)
        if name is None:
            raise UsageError("No time zone is pinned yet. Run any dreaming command once.")
        return Calendar(parse_zone(name), self.start)

    def add(
        self, offered: Iterable[Conversation], *, again: bool = False, local_only: bool = False
    ) -> ArchiveReport:
        """Store conversations, each in its newest version, in any order of versions.

        The same or an older version changes nothing. New messages get a day, the others keep
        theirs, and days that change get a new revision. After a crash, the batches that were
        committed are kept. Conversations that the user has deleted for good stay out, unless
        `again` is set. With `local_only` all of them are marked so.
        """
        report = ArchiveReport()
        calendar = self.calendar
        for batch in _batches(offered):
            with self.database.write() as connection:
                for conversation in batch:
                    if again:
                        connection.execute(forgotten.delete().where(_is_hash_of(conversation.id)))
                    self._add_one(connection, conversation, calendar, report)
                    if local_only and not self._is_forgotten(connection, conversation.id):
                        marked = self._mark(connection, conversation.id, local_only=True)
                        report.touched_days |= marked
        return report

    def mark_local_only(
        self, conversation_id: ConversationId, *, local_only: bool, days: Collection[date]
    ) -> None:
        """Mark that a conversation must not leave the machine, or that it may.

        The mark counts more than its export and its source. `days` are the days of the
        conversation, which get a new revision.
        """
        with self.database.write() as connection:
            self._mark(connection, conversation_id, local_only=local_only)
            _revise(connection, set(days))

    def _mark(
        self, connection: sa.Connection, conversation_id: ConversationId, *, local_only: bool
    ) -> set[date]:
        """Mark a conversation; returns the days that this changes."""
        if read_marks(connection, conversation_id).get(conversation_id) == local_only:
            return set()
        set_mark(connection, conversation_id, local_only=local_only)
        return _revise(connection, _days_of(_stored_messages(connection, conversation_id)))

    def _add_one(
        self,
        connection: sa.Connection,
        conversation: Conversation,
        calendar: Calendar,
        report: ArchiveReport,
    ) -> None:
        if self._is_forgotten(connection, conversation.id):
            report.forgotten += 1
            return
        version = _version_hash(conversation)
        is_own = conversations.c.conversation_id == conversation.id
        row = connection.execute(sa.select(conversations).where(is_own)).one_or_none()
        if row is None:
            report.added += 1
            report.touched_days |= self._replace(
                connection, conversation, version, {}, calendar, report
            )
            return
        if row.version_hash == version:
            report.unchanged += 1
            _keep_newest_time(connection, conversation, row.updated_at)
            return
        stored = _stored_messages(connection, conversation.id)
        if _is_older(connection, conversation, version, row.updated_at, stored):
            report.older += 1
            return
        report.updated += 1
        report.touched_days |= self._replace(
            connection, conversation, version, stored, calendar, report
        )
        _supersede(connection, conversation.id, row.version_hash, by=version)
        # The title and the mark are in the rows of all days, also of those whose messages stay.
        if (row.title, row.local_only) != (conversation.title, conversation.local_only):
            report.touched_days |= _revise(connection, _days_of(stored))

    def _replace(
        self,
        connection: sa.Connection,
        conversation: Conversation,
        version: str,
        stored: dict[MessageId, _StoredMessage],
        calendar: Calendar,
        report: ArchiveReport,
    ) -> set[date]:
        """Store a version in the place of the stored one; returns the days that this changes."""
        now = self.clock()
        # Stored messages keep their day: otherwise a later import could move what is published.
        known = {message_id: message.day for message_id, message in stored.items()}
        days_of_messages, doubted = message_days(
            conversation, calendar=calendar, known=known, now=now
        )
        rows = _message_rows(conversation, days_of_messages)
        _delete(connection, conversation.id)
        row = _conversation_row(conversation, version, now)
        connection.execute(conversations.insert().values(row))
        if rows:
            connection.execute(messages.insert(), rows)
        report.doubted_times += doubted
        new = [message for message in conversation.messages if message.id not in stored]
        report.new_messages += len(new)
        return _revise(connection, _changed_days(stored, rows))

    def read_day(self, day: date) -> Iterator[ConversationDay]:
        """The conversations that have messages on a day, by id, one in memory at a time."""
        of_conversation = conversations.c
        is_same = messages.c.conversation_id == of_conversation.conversation_id
        query = sa.select(
            messages,
            of_conversation.source,
            of_conversation.title,
            of_conversation.updated_at,
            of_conversation.local_only,
        )
        query = (
            query.join_from(messages, conversations, is_same)
            .where(messages.c.day == day.isoformat())
            .order_by(messages.c.conversation_id, messages.c.position)
            # Rows are fetched as they are used: a day may be larger than the memory.
            .execution_options(yield_per=500)
        )
        rule = self.local_only_rule()
        with self.database.read() as connection:
            by_conversation = groupby(
                connection.execute(query), key=lambda row: row.conversation_id
            )
            for _, rows in by_conversation:
                yield rule.applied(_conversation_day(day, list(rows)))

    def local_only_rule(self) -> LocalOnlyRule:
        """The rule that says which conversations must not leave the machine, as of now."""
        with self.database.read() as connection:
            return LocalOnlyRule(read_marks(connection), self.local_only_sources)

    def local_only(self) -> set[ConversationId]:
        """The imported or marked conversations that must not leave the machine."""
        rule = self.local_only_rule()
        column = conversations.c
        by_default = column.local_only | column.source.in_(self.local_only_sources)
        query = sa.select(column.conversation_id).where(by_default)
        with self.database.read() as connection:
            ids = connection.execute(query).scalars().all()
        # A mark that allows a conversation to leave counts more than its export and its source.
        local_only = {
            conversation_id for conversation_id in ids if rule.marks.get(conversation_id, True)
        }
        for conversation_id, is_marked in rule.marks.items():
            if is_marked:
                local_only.add(ConversationId(conversation_id))
        return local_only

    def is_local_only(self, conversation_id: ConversationId) -> bool:
        """Whether a conversation, imported or of another source, must not leave the machine."""
        query = sa.select(conversations).where(conversations.c.conversation_id == conversation_id)
        with self.database.read() as connection:
            rule = LocalOnlyRule(read_marks(connection, conversation_id), self.local_only_sources)
            row = connection.execute(query).one_or_none()
        if row is None:
            return rule.holds_elsewhere(conversation_id)
        return rule.holds(conversation_id, row.source, exported=row.local_only)

    def revision(self, day: date) -> int:
        """How often imports have changed a day; 0 for a day that none has touched."""
        query = sa.select(days.c.revision).where(days.c.day == day.isoformat())
        with self.database.read() as connection:
            revision = connection.execute(query).scalar()
        return revision or 0

    def mark_published(self, day: date, revision: int) -> None:
        """Note that a day is published with the messages of a revision, or with later ones."""
        # Only forward: a slow run may publish an older revision after a newer one was noted.
        is_older = days.c.published_revision < revision
        update = days.update().where(
            days.c.day == day.isoformat(),
            is_older,
        )
        with self.database.write() as connection:
            connection.execute(update.values(published_revision=revision))

    def note_other_sources(self, day: date) -> None:
        """Note that a day also has conversations of another source than the archive."""
        update = days.update().where(days.c.day == day.isoformat())
        with self.database.write() as connection:
            _ensure_day(connection, day)
            connection.execute(update.values(has_other_sources=True))

    def pending_days(self) -> list[date]:
        """The days whose newest revision is not published, in order."""
        is_pending = days.c.published_revision < days.c.revision
        query = sa.select(days.c.day).where(is_pending).order_by(days.c.day)
        with self.database.read() as connection:
            return [date.fromisoformat(day) for day in connection.execute(query).scalars()]

    def touched_days(self) -> list[date]:
        """All days that imports have touched or that other sources are part of, in order."""
        query = sa.select(days.c.day).order_by(days.c.day)
        with self.database.read() as connection:
            return [date.fromisoformat(day) for day in connection.execute(query).scalars()]

    def forget(self, conversation_id: ConversationId) -> set[date]:
        """Delete a conversation and keep it out of later imports; returns the days it was on."""
        is_own = superseded_versions.c.conversation_id == conversation_id
        # A hash, so that not even the id of what was forgotten stays.
        row = {"conversation_hash": stable_hash(conversation_id)}
        with self.database.write() as connection:
            stored = _stored_messages(connection, conversation_id)
            _delete(connection, conversation_id)
            clear_mark(connection, conversation_id)
            connection.execute(superseded_versions.delete().where(is_own))
            if not self._is_forgotten(connection, conversation_id):
                connection.execute(forgotten.insert().values(row))
            return _revise(connection, _days_of(stored))

    def days_of(self, conversation_id: ConversationId) -> set[date]:
        """The days that messages of a conversation belong to."""
        with self.database.read() as connection:
            return _days_of(_stored_messages(connection, conversation_id))

    def is_forgotten(self, conversation_id: ConversationId) -> bool:
        """Whether the user has deleted a conversation for good."""
        with self.database.read() as connection:
            return self._is_forgotten(connection, conversation_id)

    def _is_forgotten(self, connection: sa.Connection, conversation_id: ConversationId) -> bool:
        query = sa.select(forgotten).where(_is_hash_of(conversation_id))
        return connection.execute(query).first() is not None

    def move_time_zone(self, zone: str) -> set[date]:
        """Pin another time zone and give every message its day anew; returns the days that change.

        With another source, whose messages are not in the archive, the day and its neighbours
        change: the bounds of all of them move.
        """
        calendar = Calendar(parse_zone(zone), self.start)
        now = self.clock()
        touched = set[date]()
        # One transaction: a crash must not leave messages of both zones.
        with self.database.write() as connection:
            shared = connection.execute(sa.select(days.c.day).where(days.c.has_other_sources))
            for text in shared.scalars():
                day = date.fromisoformat(text)
                touched |= {day - timedelta(1), day, day + timedelta(1)}
            ids = connection.execute(sa.select(conversations.c.conversation_id)).scalars().all()
            for conversation_id in ids:
                touched |= _move_days(connection, ConversationId(conversation_id), calendar, now)
            _revise(connection, touched)
            is_zone = settings.c.name == _TIME_ZONE
            connection.execute(settings.update().where(is_zone).values(value=zone))
        return touched


def machine_time_zone() -> str:
    """The IANA name of this machine's time zone, UTC where it is not set."""
    import tzlocal

    name = tzlocal.get_localzone_name()
    return ZoneInfo(name).key if name else "UTC"


def _is_hash_of(conversation_id: ConversationId) -> sa.ColumnElement[bool]:
    return forgotten.c.conversation_hash == stable_hash(conversation_id)


def _keep_newest_time(
    connection: sa.Connection, conversation: Conversation, stored_at: datetime | None
) -> None:
    """Note a later `updated_at` of the stored version, which decides what is older than it."""
    offered_at = conversation.updated_at
    if offered_at is None:
        return
    if stored_at is None or stored_at < offered_at:
        is_own = conversations.c.conversation_id == conversation.id
        connection.execute(conversations.update().where(is_own).values(updated_at=offered_at))


def read_setting(connection: sa.Connection, name: str) -> str | None:
    """A setting of this home in the archive's database; None where it is not set."""
    query = sa.select(settings.c.value).where(settings.c.name == name)
    return connection.execute(query).scalar()


def _batches(offered: Iterable[Conversation]) -> Iterator[list[Conversation]]:
    batch: list[Conversation] = []
    characters = 0
    for conversation in offered:
        batch.append(conversation)
        characters += sum(len(message.content) for message in conversation.messages)
        if len(batch) >= BATCH_CONVERSATIONS or characters >= BATCH_CHARACTERS:
            yield batch
            batch = []
            characters = 0
    if batch:
        yield batch


def _version_hash(conversation: Conversation) -> str:
    return stable_hash(
        conversation.title, conversation.local_only, hash_messages(conversation.messages)
    )


def _is_older(
    connection: sa.Connection,
    offered: Conversation,
    version: str,
    stored_at: datetime | None,
    stored: dict[MessageId, _StoredMessage],
) -> bool:
    """Whether the version offered is older than the stored one.

    `updated_at` decides. Where it is equal or missing in both, a version that only lacks messages
    is older, and so is one that was stored before and replaced: the same files imported again
    change nothing, in any order.
    """
    if offered.updated_at != stored_at:
        # A version without a time is older than one with a time.
        if stored_at is None:
            return False
        return offered.updated_at is None or offered.updated_at < stored_at
    offered_ids = {message.id for message in offered.messages}
    if offered_ids < stored.keys():
        return True
    seen = sa.select(superseded_versions).where(
        superseded_versions.c.conversation_id == offered.id,
        superseded_versions.c.version_hash == version,
    )
    return connection.execute(seen).first() is not None


def _supersede(
    connection: sa.Connection,
    conversation_id: str,
    version: str,
    *,
    by: str,
) -> None:
    """Note that a version was replaced by another one, which is current now."""
    column = superseded_versions.c
    # The current version may have been replaced before, and come back with a later `updated_at`.
    is_either = column.version_hash.in_([version, by])
    is_own = column.conversation_id == conversation_id
    connection.execute(superseded_versions.delete().where(is_own, is_either))
    row = {"conversation_id": conversation_id, "version_hash": version}
    connection.execute(superseded_versions.insert().values(row))


def _stored_messages(
    connection: sa.Connection, conversation_id: str
) -> dict[MessageId, _StoredMessage]:
    """The stored messages of a conversation, in order."""
    query = sa.select(
        messages.c.message_id,
        messages.c.day,
        messages.c.digest,
    )
    query = query.where(messages.c.conversation_id == conversation_id)
    stored = {}
    for message_id, day, digest in connection.execute(query.order_by(messages.c.position)):
        stored[MessageId(message_id)] = _StoredMessage(date.fromisoformat(day), digest)
    return stored


def _days_of(stored: Mapping[MessageId, _StoredMessage]) -> set[date]:
    return {message.day for message in stored.values()}


def _delete(connection: sa.Connection, conversation_id: str) -> None:
    for table in (messages, conversations):
        connection.execute(table.delete().where(table.c.conversation_id == conversation_id))


def _conversation_row(
    conversation: Conversation,
    version: str,
    now: datetime,
) -> dict[str, object]:
    return {
        "conversation_id": conversation.id,
        "source": conversation.source,
        "title": conversation.title,
        "started_at": conversation.started_at,
        "updated_at": conversation.updated_at,
        "version_hash": version,
        "local_only": conversation.local_only,
        "imported_at": now,
    }


def _message_rows(
    conversation: Conversation, days_of_messages: Sequence[date]
) -> list[dict[str, object]]:
    rows = []
    dated = zip(conversation.messages, days_of_messages, strict=True)
    for position, (message, day) in enumerate(dated):
        row: dict[str, object] = {
            "conversation_id": conversation.id,
            "position": position,
            "message_id": message.id,
            "day": day.isoformat(),
            "role": message.role,
            "kind": message.kind,
            "name": message.name,
            "content": message.content,
            "timestamp": message.timestamp,
            "digest": hash_messages([message]),
        }
        rows.append(row)
    return rows


def _changed_days(
    stored: dict[MessageId, _StoredMessage], rows: Sequence[dict[str, object]]
) -> set[date]:
    """The days on which the sequence of messages differs between two versions."""
    before: dict[str, list[object]] = {}
    for message_id, message in stored.items():
        of_day = before.setdefault(message.day.isoformat(), [])
        of_day.append((message_id, message.digest))
    after: dict[str, list[object]] = {}
    for row in rows:
        of_day = after.setdefault(str(row["day"]), [])
        of_day.append((row["message_id"], row["digest"]))
    all_days = before.keys() | after.keys()
    return {date.fromisoformat(day) for day in all_days if before.get(day) != after.get(day)}


def _revise(connection: sa.Connection, changed: set[date]) -> set[date]:
    """Give days a new revision; returns them."""
    for day in sorted(changed):
        _ensure_day(connection, day)
        update = days.update().where(days.c.day == day.isoformat())
        connection.execute(update.values(revision=days.c.revision + 1))
    return changed


def _ensure_day(connection: sa.Connection, day: date) -> None:
    """Insert the row of a day where it does not exist."""
    query = sa.select(days.c.day).where(days.c.day == day.isoformat())
    if connection.execute(query).first() is not None:
        return
    row = {
        "day": day.isoformat(),
        "revision": 0,
        "published_revision": 0,
        "has_other_sources": False,
    }
    connection.execute(days.insert().values(row))


def _move_days(
    connection: sa.Connection, conversation_id: ConversationId, calendar: Calendar, now: datetime
) -> set[date]:
    """Give the messages of a conversation their days in a calendar; returns the changed days."""
    is_own = conversations.c.conversation_id == conversation_id
    row = connection.execute(sa.select(conversations).where(is_own)).one()
    query = sa.select(messages).where(messages.c.conversation_id == conversation_id)
    stored = connection.execute(query.order_by(messages.c.position)).all()
    times = (row.started_at, row.updated_at, *(message.timestamp for message in stored))
    # Without a believable time, its day is that of its import: computed anew, it would be today.
    if not any(calendar.believed_day(time, now=now) for time in times):
        return set()
    conversation = Conversation(
        conversation_id,
        row.source,
        row.title,
        row.started_at,
        row.updated_at,
        tuple(_message(message) for message in stored),
    )
    days_of_messages, _ = message_days(conversation, calendar=calendar, known={}, now=now)
    changed = set[date]()
    for message, day in zip(stored, days_of_messages, strict=True):
        if message.day == day.isoformat():
            continue
        changed |= {date.fromisoformat(message.day), day}
        is_message = messages.c.conversation_id == conversation_id
        is_message &= messages.c.position == message.position
        connection.execute(messages.update().where(is_message).values(day=day.isoformat()))
    return changed


def _message(row: sa.Row[tuple[object, ...]]) -> Message:
    return Message(
        id=MessageId(row.message_id),
        role=row.role,
        content=row.content,
        kind=row.kind,
        name=row.name,
        timestamp=row.timestamp,
    )


def _conversation_day(day: date, rows: Sequence[sa.Row[tuple[object, ...]]]) -> ConversationDay:
    first = rows[0]
    of_day = tuple(_message(row) for row in rows)
    started_at, ended_at = time_bounds(of_day)
    return ConversationDay(
        conversation_id=ConversationId(first.conversation_id),
        day=day,
        source=first.source,
        title=first.title,
        started_at=started_at,
        ended_at=ended_at,
        updated_at=first.updated_at,
        content_hash=hash_messages(of_day),
        local_only=first.local_only,
        messages=of_day,
    )
