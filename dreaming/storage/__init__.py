"""Edge: everything that outlives a process.

    database.py     a SQL database, SQLite or PostgreSQL, through one code path
    migrations/     its schema, numbered and append-only, one folder a database
    tables.py       the tables as the code sees them
    archive.py      what was imported: conversations and the local day of each message
    partitions.py   Parquet files, one a day and asset
    columns.py      records to and from Arrow columns
    locks.py        one writer of a day at a time

What belongs here reads and writes; what decides lives in the stages above.
"""
