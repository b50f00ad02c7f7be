"""What was imported: every conversation in its newest version, and the local day of each of its
messages.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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

BATCH_CONVERSATIONS = 200
"""How many conversations a transaction stores: a commit costs a disk flush."""

BATCH_CHARACTERS = 8_000_000
"""A batch also ends when it holds as much text as this."""


@dataclass(slots=True)
class ArchiveReport:
    """What became of the conversations that were offered."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    """Held already, with the same content."""
    older: int = 0
    """A newer version is held already."""
    forgotten: int = 0
    """The user had them forgotten: they do not come back."""
    new_messages: int = 0
    doubted_times: int = 0
    """Messages whose time is before the start day or in the future; the rule of `dreaming.days`
    placed them.
    """
    touched_days: set[date] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Held:
    """A stored message, as far as a new version is compared with it."""

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
            pinned = read_setting(connection, "time_zone")
        if pinned is None:
            with self.database.write() as connection:
                pinned = read_setting(connection, "time_zone")
                if pinned is None:
                    connection.execute(
                        settings.insert().values(name="time_zone", value=wanted or machine)
                    )
        if pinned is not None and wanted and wanted != pinned:
            raise UsageError(
                f"DREAMING_TIMEZONE={wanted!r}, but the days of this home are pinned to "
                f"{pinned!r}. "
                f"Unset it, or move all days with: dreaming timezone {wanted}"
            )

    @property
    def calendar(self) -> Calendar:
        """The pinned time zone and the start day; raises
        `UsageError` when no zone was pinned yet.
        """
        with self.database.read() as connection:
            name = read_setting(connection, "time_zone")
        if name is None:
            raise UsageError("No time zone is pinned yet. Run any dreaming command once.")
        return Calendar(parse_zone(name), self.start)

    def add(
        self, offered: Iterable[Conversation], *, again: bool = False, local_only: bool = False
    ) -> ArchiveReport:
        """Store conversations, each in its newest version, in whichever order they come.

        The same or an older version changes nothing. Messages that are new get a day; the others
        keep theirs; days that have news get a new revision. A crash keeps all batches that were
        committed. Conversations that the user had forgotten stay out, unless they are offered
        `again`. With `local_only` all of them are marked so.
        """
        report, calendar = ArchiveReport(), self.calendar
        for batch in _batches(offered):
            with self.database.write() as connection:
                for conversation in batch:
                    if again:
                        connection.execute(forgotten.delete().where(_is_hash_of(conversation.id)))
                    self._add_one(connection, conversation, calendar, report)
                    if local_only and not self._is_forgotten(connection, conversation.id):
                        report.touched_days |= self._mark(
                            connection, conversation.id, local_only=True
                        )
        return report

    def mark_local_only(
        self, conversation_id: ConversationId, *, local_only: bool, days: Collection[date]
    ) -> None:
        """Mark a conversation as one that must not leave the machine, or as one that may, whatever
        its export says.

        `days` are those that it is on; they get a new revision.
        """
        with self.database.write() as connection:
            self._mark(connection, conversation_id, local_only=local_only)
            _revise(connection, set(days))

    def _mark(
        self, connection: sa.Connection, conversation_id: ConversationId, *, local_only: bool
    ) -> set[date]:
        """Mark a conversation; returns the days that have news by it."""
        if read_marks(connection, conversation_id).get(conversation_id) == local_only:
            return set()
        set_mark(connection, conversation_id, local_only=local_only)
        return _revise(
            connection,
            {message.day for message in _held_messages(connection, conversation_id).values()},
        )

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
        row = connection.execute(
            sa.select(conversations).where(conversations.c.conversation_id == conversation.id)
        ).one_or_none()
        if row is not None and row.version_hash == version:
            report.unchanged += 1
            _keep_newest_time(connection, conversation, row.updated_at)
            return
        held = _held_messages(connection, conversation.id) if row is not None else {}
        if row is not None and _is_older(connection, conversation, version, row.updated_at, held):
            report.older += 1
            return
        report.touched_days |= self._replace(
            connection, conversation, version, held, calendar, report
        )
        report.added += row is None
        if row is not None:
            report.updated += 1
            _supersede(connection, conversation.id, row.version_hash, by=version)
            if (row.title, row.local_only) != (conversation.title, conversation.local_only):
                report.touched_days |= _revise(
                    connection, {message.day for message in held.values()}
                )

    def _replace(
        self,
        connection: sa.Connection,
        conversation: Conversation,
        version: str,
        held: dict[MessageId, _Held],
        calendar: Calendar,
        report: ArchiveReport,
    ) -> set[date]:
        now = self.clock()
        known = {message_id: message.day for message_id, message in held.items()}
        of_day, doubted = message_days(conversation, calendar=calendar, known=known, now=now)
        rows = _message_rows(conversation, of_day)
        _delete(connection, conversation.id)
        connection.execute(
            conversations.insert().values(_conversation_row(conversation, version, now))
        )
        if rows:
            connection.execute(messages.insert(), rows)
        report.doubted_times += doubted
        report.new_messages += sum(1 for m in conversation.messages if m.id not in held)
        return _revise(connection, _days_with_news(held, rows))

    def read_day(self, day: date) -> Iterator[ConversationDay]:
        """The conversations that have messages on a day, by id, one in memory at a time."""
        query = (
            sa.select(
                messages,
                conversations.c.source,
                conversations.c.title,
                conversations.c.updated_at,
                conversations.c.local_only,
            )
            .join_from(
                messages,
                conversations,
                messages.c.conversation_id == conversations.c.conversation_id,
            )
            .where(messages.c.day == day.isoformat())
            .order_by(messages.c.conversation_id, messages.c.position)
            .execution_options(yield_per=500)
        )
        rule = self.local_only_rule()
        with self.database.read() as connection:
            for _, rows in groupby(connection.execute(query), key=lambda row: row.conversation_id):
                yield rule.applied(_conversation_day(day, list(rows)))

    def local_only_rule(self) -> LocalOnlyRule:
        """Which conversations must not leave the machine, as things are now."""
        with self.database.read() as connection:
            return LocalOnlyRule(read_marks(connection), self.local_only_sources)

    def local_only(self) -> set[ConversationId]:
        """The imported or marked conversations that must not leave the machine."""
        rule = self.local_only_rule()
        columns = (
            conversations.c.conversation_id,
            conversations.c.source,
            conversations.c.local_only,
        )
        is_told = conversations.c.local_only | conversations.c.source.in_(self.local_only_sources)
        with self.database.read() as connection:
            rows = connection.execute(sa.select(*columns).where(is_told)).all()
        told = {row.conversation_id for row in rows if rule.marks.get(row.conversation_id, True)}
        return told | {
            ConversationId(marked) for marked, local_only in rule.marks.items() if local_only
        }

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
        with self.database.read() as connection:
            found = connection.execute(
                sa.select(days.c.revision).where(days.c.day == day.isoformat())
            ).scalar()
        return found or 0

    def mark_published(self, day: date, revision: int) -> None:
        """Say that a day was published with the messages of a revision; never takes a later one
        back.
        """
        with self.database.write() as connection:
            connection.execute(
                days.update()
                .where(days.c.day == day.isoformat(), days.c.published_revision < revision)
                .values(published_revision=revision)
            )

    def note_other_sources(self, day: date) -> None:
        """Say that a source besides the archive has a part in a day."""
        with self.database.write() as connection:
            _make_known(connection, day)
            connection.execute(
                days.update().where(days.c.day == day.isoformat()).values(has_other_sources=True)
            )

    def pending_days(self) -> list[date]:
        """The days that have news which was not published since, in order."""
        query = (
            sa.select(days.c.day)
            .where(days.c.published_revision < days.c.revision)
            .order_by(days.c.day)
        )
        with self.database.read() as connection:
            return [date.fromisoformat(day) for day in connection.execute(query).scalars()]

    def touched_days(self) -> list[date]:
        """All days that imports have ever touched, and those that other sources have a part in, in
        order.
        """
        with self.database.read() as connection:
            found = connection.execute(sa.select(days.c.day).order_by(days.c.day)).scalars()
            return [date.fromisoformat(text) for text in found]

    def forget(self, conversation_id: ConversationId) -> set[date]:
        """Delete a conversation and keep it out of later imports;
        returns the days that it was on.
        """
        with self.database.write() as connection:
            held = _held_messages(connection, conversation_id)
            _delete(connection, conversation_id)
            clear_mark(connection, conversation_id)
            versions = superseded_versions.c.conversation_id == conversation_id
            connection.execute(superseded_versions.delete().where(versions))
            if not self._is_forgotten(connection, conversation_id):
                connection.execute(
                    forgotten.insert().values(conversation_hash=stable_hash(conversation_id))
                )
            return _revise(connection, {message.day for message in held.values()})

    def days_of(self, conversation_id: ConversationId) -> set[date]:
        """The days that messages of a conversation belong to."""
        with self.database.read() as connection:
            return {message.day for message in _held_messages(connection, conversation_id).values()}

    def is_forgotten(self, conversation_id: ConversationId) -> bool:
        """Whether the user had a conversation forgotten."""
        with self.database.read() as connection:
            return self._is_forgotten(connection, conversation_id)

    def _is_forgotten(self, connection: sa.Connection, conversation_id: ConversationId) -> bool:
        return (
            connection.execute(sa.select(forgotten).where(_is_hash_of(conversation_id))).first()
            is not None
        )

    def move_time_zone(self, zone: str) -> set[date]:
        """Pin another time zone and give every message its day anew; returns the days that have
        news.

        Days that another source has a part in have news too, and so have their neighbours: its
        bounds move.
        """
        calendar, now, touched = Calendar(parse_zone(zone), self.start), self.clock(), set[date]()
        with self.database.write() as connection:
            for day in connection.execute(
                sa.select(days.c.day).where(days.c.has_other_sources)
            ).scalars():
                touched |= {date.fromisoformat(day) + timedelta(days=n) for n in (-1, 0, 1)}
            ids = connection.execute(sa.select(conversations.c.conversation_id)).scalars().all()
            for conversation_id in ids:
                touched |= _move_days(connection, ConversationId(conversation_id), calendar, now)
            _revise(connection, touched)
            connection.execute(
                settings.update().where(settings.c.name == "time_zone").values(value=zone)
            )
        return touched


def machine_time_zone() -> str:
    """The IANA name of this machine's time zone, UTC where it has none."""
    import tzlocal

    name = tzlocal.get_localzone_name()
    return ZoneInfo(name).key if name else "UTC"


def _is_hash_of(conversation_id: ConversationId) -> sa.ColumnElement[bool]:
    return forgotten.c.conversation_hash == stable_hash(conversation_id)


def _keep_newest_time(
    connection: sa.Connection, conversation: Conversation, held_at: datetime | None
) -> None:
    """A version offered again with a later `updated_at` is as new as that."""
    if conversation.updated_at is not None and (
        held_at is None or held_at < conversation.updated_at
    ):
        own = conversations.c.conversation_id == conversation.id
        connection.execute(
            conversations.update().where(own).values(updated_at=conversation.updated_at)
        )


def read_setting(connection: sa.Connection, name: str) -> str | None:
    """What the archive's database holds under a name, beside what was imported."""
    return connection.execute(sa.select(settings.c.value).where(settings.c.name == name)).scalar()


def _batches(offered: Iterable[Conversation]) -> Iterator[list[Conversation]]:
    batch: list[Conversation] = []
    characters = 0
    for conversation in offered:
        batch.append(conversation)
        characters += sum(len(m.content) for m in conversation.messages)
        if len(batch) >= BATCH_CONVERSATIONS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
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
    held_at: datetime | None,
    held: dict[MessageId, _Held],
) -> bool:
    """Whether the version offered is older than the one held.

    By `updated_at`. Where that is equal or missing, a version that only lacks messages is older,
    and so is one that was held before and replaced: the same files imported again change nothing,
    in whichever order they are read.
    """
    if offered.updated_at != held_at:
        return held_at is not None and (offered.updated_at is None or offered.updated_at < held_at)
    if {m.id for m in offered.messages} < held.keys():
        return True
    seen = sa.select(superseded_versions).where(
        superseded_versions.c.conversation_id == offered.id,
        superseded_versions.c.version_hash == version,
    )
    return connection.execute(seen).first() is not None


def _supersede(connection: sa.Connection, conversation_id: str, version: str, *, by: str) -> None:
    """Note that a version was replaced by another one, which is current now."""
    own = superseded_versions.c.conversation_id == conversation_id
    connection.execute(
        superseded_versions.delete().where(
            own, superseded_versions.c.version_hash.in_([version, by])
        )
    )
    connection.execute(
        superseded_versions.insert().values(conversation_id=conversation_id, version_hash=version)
    )


def _held_messages(connection: sa.Connection, conversation_id: str) -> dict[MessageId, _Held]:
    rows = connection.execute(
        sa.select(messages.c.message_id, messages.c.day, messages.c.digest)
        .where(messages.c.conversation_id == conversation_id)
        .order_by(messages.c.position)
    )
    return {MessageId(r.message_id): _Held(date.fromisoformat(r.day), r.digest) for r in rows}


def _delete(connection: sa.Connection, conversation_id: str) -> None:
    for table in (messages, conversations):
        connection.execute(table.delete().where(table.c.conversation_id == conversation_id))


def _conversation_row(conversation: Conversation, version: str, now: datetime) -> dict[str, object]:
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


def _message_rows(conversation: Conversation, of_day: Sequence[date]) -> list[dict[str, object]]:
    return [
        {
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
        for position, (message, day) in enumerate(zip(conversation.messages, of_day, strict=True))
    ]


def _days_with_news(held: dict[MessageId, _Held], rows: Sequence[dict[str, object]]) -> set[date]:
    """The days on which the run of messages differs between two versions."""
    before: dict[str, list[object]] = {}
    for message_id, message in held.items():
        before.setdefault(message.day.isoformat(), []).append((message_id, message.digest))
    after: dict[str, list[object]] = {}
    for row in rows:
        after.setdefault(str(row["day"]), []).append((row["message_id"], row["digest"]))
    changed = {day for day in before.keys() | after.keys() if before.get(day) != after.get(day)}
    return {date.fromisoformat(day) for day in changed}


def _revise(connection: sa.Connection, touched: set[date]) -> set[date]:
    for day in sorted(touched):
        _make_known(connection, day)
        connection.execute(
            days.update().where(days.c.day == day.isoformat()).values(revision=days.c.revision + 1)
        )
    return touched


def _make_known(connection: sa.Connection, day: date) -> None:
    if (
        connection.execute(sa.select(days.c.day).where(days.c.day == day.isoformat())).first()
        is None
    ):
        connection.execute(
            days.insert().values(
                day=day.isoformat(), revision=0, published_revision=0, has_other_sources=False
            )
        )


def _move_days(
    connection: sa.Connection, conversation_id: ConversationId, calendar: Calendar, now: datetime
) -> set[date]:
    row = connection.execute(
        sa.select(conversations).where(conversations.c.conversation_id == conversation_id)
    ).one()
    stored = connection.execute(
        sa.select(messages)
        .where(messages.c.conversation_id == conversation_id)
        .order_by(messages.c.position)
    ).all()
    moments = (row.started_at, row.updated_at, *(r.timestamp for r in stored))
    if not any(calendar.believed_day(moment, now=now) for moment in moments):
        return set()
    conversation = Conversation(
        conversation_id,
        row.source,
        row.title,
        row.started_at,
        row.updated_at,
        tuple(_message(r) for r in stored),
    )
    moved, _ = message_days(conversation, calendar=calendar, known={}, now=now)
    touched = set[date]()
    for stored_row, day in zip(stored, moved, strict=True):
        if stored_row.day != day.isoformat():
            touched |= {date.fromisoformat(stored_row.day), day}
            connection.execute(
                messages.update()
                .where(
                    messages.c.conversation_id == conversation_id,
                    messages.c.position == stored_row.position,
                )
                .values(day=day.isoformat())
            )
    return touched


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
    first, of_day = rows[0], tuple(_message(row) for row in rows)
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
