"""The schema of each database: Alembic scripts, numbered and append-only, one folder a database.

A script that has been released is never changed. `tables.py` shows the newest schema; a test holds
the two together.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import sqlalchemy as sa

from dreaming.errors import StorageError

if TYPE_CHECKING:
    from dreaming.storage.database import Database


def upgrade_schema(database: "Database", *, home: Path) -> None:
    """Bring a database to the newest schema; a no-op, and quick, when it is there already.

    Raises `StorageError` when the database is of a newer dreaming.
    """
    numbers = [
        script.stem for script in sorted((Path(__file__).parent / database.name).glob("[0-9]*.py"))
    ]
    if _current(database) == numbers[-1]:
        return
    with filelock.FileLock(home / f"{database.name}.migration.lock"):
        current = _current(database)
        if current is not None and current not in numbers:
            raise StorageError(
                f"The {database.name} database has schema {current!r}, and this dreaming knows up "
                f"to {numbers[-1]!r}. "
                "It was written by a newer version: upgrade dreaming."
            )
        _run_scripts(database)


def _version_table(database: "Database") -> str:
    return f"{database.name}_version"


def _current(database: "Database") -> str | None:
    with database.read() as connection:
        if not sa.inspect(connection).has_table(_version_table(database)):
            return None
        rows = connection.execute(
            sa.text(f"SELECT version_num FROM {_version_table(database)}")
        ).all()
        return str(rows[0][0]) if rows else None


def _run_scripts(database: "Database") -> None:
    # Imported late: a database that is up to date, the usual case, does not pay for Alembic's
    # import.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("version_locations", str(Path(__file__).parent / database.name))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(hashtext('dreaming:migrate'))")
            )
        with EnvironmentContext(
            config, scripts, fn=lambda current, _: scripts._upgrade_revs("head", current)
        ) as environment:
            environment.configure(
                connection=connection,
                version_table=_version_table(database),
                transactional_ddl=True,
            )
            environment.run_migrations()
