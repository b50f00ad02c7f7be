"""The migrations make what the code sees, in both dialects."""

import sqlite3

import pytest
import sqlalchemy as sa

from dreaming.errors import StorageError
from dreaming.home import open_home
from dreaming.storage import tables
from dreaming.storage.database import open_database
from dreaming.testing import make_settings


@pytest.mark.parametrize("name", ["archive", "ledger", "memory"])
def test_migrations_make_every_table_and_column_that_the_code_names(any_home, name):
    """Nothing is missing, and no column is nullable that the code takes for filled."""
    database = {
        "archive": any_home.archive.database,
        "ledger": any_home.ledger.database,
        "memory": any_home.index.database,
    }[name]
    with database.read() as connection:
        inspector = sa.inspect(connection)
        for table in getattr(tables, name).sorted_tables:
            found = {column["name"]: column for column in inspector.get_columns(table.name)}
            assert found.keys() == set(table.columns.keys())
            for column in table.columns:
                assert found[column.name]["nullable"] == column.nullable, (table.name, column.name)


def test_a_database_of_a_newer_dreaming_is_refused(tmp_path):
    """It is left as it is, and the message says what to do."""
    open_database("ledger", home=tmp_path, database_url=None).close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE ledger_version SET version_num = '9999_from_the_future'")
    with pytest.raises(StorageError, match=r"9999_from_the_future.*upgrade dreaming"):
        open_database("ledger", home=tmp_path, database_url=None)


def test_a_home_that_is_a_file_is_refused(tmp_path):
    """The message names the folder and the variable."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match="DREAMING_HOME"),
        open_home(make_settings(tmp_path / "file" / "home")),
    ):
        pass


def test_the_home_is_for_its_owner_only(home):
    """What people say to assistants is nobody else's."""
    assert home.settings.home.stat().st_mode & 0o077 == 0
