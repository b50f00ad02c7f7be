"""What becomes of a day: gathered from its sources, cut into basic chunks, published and indexed.

    day.py              `Pipeline`: gather, chunk, publish, each step safe to repeat
    sharding.py         a huge day, cut in parts by several processes and joined
    model_chunker.py    basic chunks by a local LLM, with the rules beneath it

Nothing here spends: what was paid for comes from the ledger, through `upgrading.overlay`.
"""
