"""Notes on a move of a home, in the old place and in the new one.

The new place notes which home it is from, and whether all of it has arrived; the old one notes
where it went. So neither place is used while the move is under way, the old one is not used after
it, and a move that was interrupted can be continued.
"""

import json
from uuid import uuid4

import sqlalchemy as sa

from dreaming.errors import StorageError, UsageError
from dreaming.storage.archive import read_setting
from dreaming.storage.database import Database
from dreaming.storage.tables import conversations, settings

_HOME_ID = "home_id"
_MOVED_FROM = "moved_from"
_MOVED_TO = "moved_to"


def require_here(archive: Database) -> None:
    """Raise `StorageError` for a home that was moved away, or that has not arrived whole."""
    with archive.read() as connection:
        moved_to = read_setting(connection, _MOVED_TO)
        moved_from = read_setting(connection, _MOVED_FROM)
    # Only an embedded home is moved away, and only to PostgreSQL.
    if archive.is_sqlite and moved_to:
        place = json.loads(moved_to)
        raise StorageError(
            f"This home was moved to {place['database']}, its partitions to {place['store']}. "
            "Set DREAMING_DATABASE_URL and DREAMING_STORE to that."
        )
    if not archive.is_sqlite and moved_from and not json.loads(moved_from)["is_whole"]:
        raise StorageError(
            "A home is being moved here, and not all of it has come. Go on with: dreaming move"
        )


def home_id(old: Database) -> str:
    """The id of a home that is moved, by which its new place knows it."""
    with old.write() as connection:
        existing = read_setting(connection, _HOME_ID)
        if existing is not None:
            return existing
        # Committed before anything is copied: an interrupted move continues under the same id.
        new_id = uuid4().hex
        _store(connection, _HOME_ID, new_id)
        return new_id


def has_arrived(new: Database, home: str) -> bool:
    """Whether all of this home has arrived at its new place.

    Raises `UsageError` where another home, or a home that was not moved, is there.
    """
    with new.read() as connection:
        moved_from = read_setting(connection, _MOVED_FROM)
        query = sa.select(sa.func.count()).select_from(conversations)
        conversation_count = connection.execute(query).scalar_one()
    if moved_from is None:
        if conversation_count:
            raise UsageError(
                f"DREAMING_DATABASE_URL holds {conversation_count:,} conversations that are not "
                "from this home. Move to a new database."
            )
        return False
    note = json.loads(moved_from)
    if note["home_id"] != home:
        raise UsageError(
            "DREAMING_DATABASE_URL holds another home that was moved there. Move to a new database."
        )
    return bool(note["is_whole"])


def note_arrival(new: sa.Connection, home: str, *, is_whole: bool) -> None:
    """Note at the new place which home is moved there, and whether all of it has arrived."""
    _store(new, _MOVED_FROM, json.dumps({"home_id": home, "is_whole": is_whole}))


def note_departure(old: sa.Connection, *, database: str, store: str) -> None:
    """Note in a home where it was moved to."""
    _store(old, _MOVED_TO, json.dumps({"database": database, "store": store}))


def _store(connection: sa.Connection, name: str, value: str) -> None:
    connection.execute(settings.delete().where(settings.c.name == name))
    connection.execute(settings.insert().values(name=name, value=value))
