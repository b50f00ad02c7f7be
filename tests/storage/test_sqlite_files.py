"""Several processes on one SQLite file."""

import subprocess
import sys
from pathlib import Path

import pytest

from dreaming.storage.database import open_database
from dreaming.storage.tables import indexed_days

READ_AND_CLOSE = """
import sys
from pathlib import Path
from dreaming.storage.database import open_database
from dreaming.storage.tables import indexed_days

database = open_database("memory", home=Path(sys.argv[1]), database_url=None)
with database.read() as connection:
    print(len(connection.execute(indexed_days.select()).all()))
database.close()
"""


def rows_in_another_process(home: Path) -> int:
    command = [sys.executable, "-c", READ_AND_CLOSE, str(home)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("opened_again", [False, True])
def test_what_is_written_stays_when_another_process_closes_the_file(tmp_path, opened_again):
    """Also after the file was opened twice here: a lock that SQLite lost let the other remove the
    newest writes.
    """
    database = open_database("memory", home=tmp_path, database_url=None)
    for number in range(2):
        if opened_again:
            open_database("memory", home=tmp_path, database_url=None).close()
        assert rows_in_another_process(tmp_path) == number
        with database.write() as connection:
            row = {"day": f"2026-03-0{number + 1}", "partition_hash": "x", "chunk_count": 0}
            connection.execute(indexed_days.insert().values(row))
    database.close()
    assert rows_in_another_process(tmp_path) == 2
