"""The filter language: which chunks, in words like those of a SQL where clause.

    columns.py     the columns that a filter can name, and how their values are written
    expression.py  a filter as a tree, and whether a chunk matches it
    selecting.py   the rows of a table of chunks that match a filter, a column at a time
    parsing.py     text -> expression
    printing.py    expression -> text that parses to the same

Some filters:

    quality_level = basic AND needs_upgrade = true
    labels CONTAINS 'billing' AND quality_level != 'premium'
    NOT (language IN (zh, ja)) AND day >= 2026-02-01 AND token_count < 400

A filter has one meaning, wherever it is asked: of a chunk (`expression`), of a table (`selecting`),
or of the memory index, for which `dreaming.remembering` translates it. No I/O here.
"""
