"""Stage: what was paid for, laid over what is free.

    paid.py     chunks that were bought, as the ledger keeps them
    overlay.py  basic and paid chunks of a conversation-day -> its current chunks

No I/O here: the paid chunks come from the ledger, the current chunks go to a partition.
"""
