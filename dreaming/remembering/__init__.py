"""Stage: chunks -> hits.

    words.py      text -> the words that are indexed and looked for, in every language
    filters.py    which chunks a search or a read is about
    index.py      the memory index: a row a chunk, on SQLite (FTS5) or PostgreSQL
    snippet.py    the part of a chunk worth showing for a query
    search.py     a question -> hits, and the conversation around a hit

The index is a projection: it can be deleted, and is rebuilt from the partitions of `upgraded_chunks`.
"""
