"""The Dagster assets, one module each, and the asset checks beside them.

    stage.py                what a module says of its asset: spec, what materialises a day, checks
    raw_conversations.py    sources -> the day's conversations
    basic_chunks.py         -> chunks, free and on this machine
    upgraded_chunks.py      -> the current chunks: what was paid for, laid over what is free
    memory_index.py         -> searchable
    segmenter.py            what finds topics, learned from what was bought; no days
    day.py                  the four as one multi-asset over daily partitions
    upgrading.py            an upgrade within a run
    events.py               what a run logs of a day
    metadata.py             statistics -> asset metadata

The four are one multi-asset because a day is the unit of work: each goes through all stages by
itself, is searchable at once, and fails alone. (As separate ops over a range of days, one bad day
would stop all others at the next op.) Logic lives in `dreaming`; a module here calls it and
reports.
"""
