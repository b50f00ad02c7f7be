"""Edge: everything that outlives a process.

    database.py     a SQL database, SQLite or PostgreSQL, through one code path
    migrations/     its schema, numbered and append-only, one folder a database
    tables.py       the tables as the code uses them
    archive.py      what was imported: conversations, and the local day of each message
    local_only.py   which conversations must not leave the machine
    moves.py        notes on a move of a home, in the old place and in the new one
    requests.py     upgrade requests, their frozen plans, and their progress
    purchases.py    the chunks that were bought and not undone
    tasks.py        tasks that were submitted for a later time
    plans.py        decisions of planners
    segmenters.py   learned segmenters, and which one is used
    partitions.py   Parquet files, one a day and asset
    columns.py      records to and from Arrow columns
    locks.py        one writer of a day at a time

What belongs here reads and writes; what decides is in the stages above.

A home has three databases. The *archive* has what was imported, the *ledger* what was bought and
asked, the *memory* the index of chunks, which can be rebuilt. On PostgreSQL they share one
database. The *partitions* of `raw_conversations`, `basic_chunks` and `upgraded_chunks` are derived
from the archive and the ledger, and are replaced whole.

A *revision* counts the changes of a day, in the archive by imports and in the ledger by purchases.
It is noted in the transaction of the change; a day is published again until its newest revision is.
"""
