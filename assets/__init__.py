"""The Dagster assets, one module each, and the asset checks beside them.

    stage.py                the interface of an asset over days: spec, materialisation, checks
    raw_conversations.py    sources -> the conversations of a day
    basic_chunks.py         conversations -> basic chunks, free and on this machine
    upgraded_chunks.py      basic and bought chunks -> the current chunks
    memory_index.py         current chunks -> the searchable index
    day.py                  these four as one multi-asset over daily partitions
    segmenter.py            the segmenter learned from bought chunks; an asset without partitions
    upgrading.py            an upgrade within a run
    config.py               the run configs
    events.py               the events that a run logs for a day
    metadata.py             statistics -> asset metadata

The four are one multi-asset because a day is the unit of work: each day goes through all stages
alone, is searchable as soon as it is done, and fails alone. (As separate ops over a range of days,
one bad day would stop all others at the next op.) Logic lives in `dreaming`; a module here calls it
and reports.
"""
