"""What a home and its new place say of a move, so that neither is used while it is under way, nor
the old one after.
"""

import json
from uuid import uuid4

import sqlalchemy as sa

from dreaming.errors import StorageError, UsageError
from dreaming.storage.archive import read_setting
from dreaming.storage.database import Database
from dreaming.storage.tables import conversations, settings

_ID, _FROM, _TO = "home_id", "moved_from", "moved_to"


def require_here(archive: Database) -> None:
    """Raise `StorageError` for a home that was moved away, and for one that has not come whole."""
    with archive.read() as connection:
        went, came = read_setting(connection, _TO), read_setting(connection, _FROM)
    if archive.is_sqlite and went:
        where = json.loads(went)
        raise StorageError(
            f"This home was moved to {where['database']}, its partitions to {where['store']}. "
            "Set DREAMING_DATABASE_URL and DREAMING_STORE to that."
        )
    if not archive.is_sqlite and came and not json.loads(came)["is_whole"]:
        raise StorageError(
            "A home is being moved here, and not all of it has come. Go on with: dreaming move"
        )


def home_id(old: Database) -> str:
    """What a home is known by at its new place: told here at once, so that a move that is
    interrupted can go on.
    """
    with old.write() as connection:
        known = read_setting(connection, _ID)
        if known is None:
            known = uuid4().hex
            _tell(connection, _ID, known)
        return known


def has_come(new: Database, home: str) -> bool:
    """Whether this home was moved to its new place before, and whole; raises `UsageError` where
    another one is.
    """
    with new.read() as connection:
        told = read_setting(connection, _FROM)
        held = connection.execute(
            sa.select(sa.func.count()).select_from(conversations)
        ).scalar_one()
    if told is None and held:
        raise UsageError(
            f"DREAMING_DATABASE_URL holds {held:,} conversations that are not from this home. "
            "Move to a new database."
        )
    if told is None:
        return False
    came = json.loads(told)
    if came["home_id"] != home:
        raise UsageError(
            "DREAMING_DATABASE_URL holds another home that was moved there. Move to a new database."
        )
    return bool(came["is_whole"])


def tell_coming(new: sa.Connection, home: str, *, is_whole: bool) -> None:
    """Say at the new place which home has come, and whether whole."""
    _tell(new, _FROM, json.dumps({"home_id": home, "is_whole": is_whole}))


def tell_gone(old: sa.Connection, *, database: str, store: str) -> None:
    """Say in a home where it went."""
    _tell(old, _TO, json.dumps({"database": database, "store": store}))


def _tell(connection: sa.Connection, name: str, value: str) -> None:
    connection.execute(settings.delete().where(settings.c.name == name))
    connection.execute(settings.insert().values(name=name, value=value))
