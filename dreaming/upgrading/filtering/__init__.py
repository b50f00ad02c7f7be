"""The filter language: which chunks, in words like those of a SQL where clause.

    quality_level = basic AND needs_upgrade = true
    labels CONTAINS 'billing' AND quality_level != 'premium'
    NOT (language IN (zh, ja)) AND day >= 2026-02-01 AND token_count < 400

    columns.py     what can be asked about
    expression.py  what a filter is, and whether a chunk matches it
    parsing.py     text -> expression
    printing.py    expression -> text that parses to the same

No I/O here; where the memory index answers a filter, `dreaming.remembering` translates it.
"""
