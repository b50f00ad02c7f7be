"""Stage: the chunks that were paid for, laid over those that are free; and which to buy next.

    terms.py       what an upgrade is asked to do, and within what limits
    filtering/     the filter language, in which terms name chunks
    arrow_arrays.py  Arrow arrays from NumPy and strings, without pandas
    candidates.py  the chunks that an upgrade may take, and why others are left out
    importance.py  how much chunks matter, by what searches have found
    grouping.py    candidates -> groups, a call each, in the order in which they are bought
    paid.py        chunks that were bought, as the ledger keeps them
    overlay.py     basic and paid chunks of a conversation-day -> its current chunks

*Basic* chunks are made by rules, and tile a conversation. A *paid* chunk is cut and described by a
model, and is kept in the ledger by its text: it is valid while the text is unchanged. The *current*
chunks of a day are computed from both, whenever one of them changes; so no rerun pays again.

No I/O here: paid chunks come from the ledger, and current chunks go to a partition.
"""
