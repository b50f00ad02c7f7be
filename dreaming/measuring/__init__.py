"""What judges: how good chunks are, and whether what was written is what was meant.

    accuracy.py      how near basic chunks are to good ones, and good to premium, on the same talk
    checking.py      what was written, read again: the asset checks
    evaluation.py    a segmenter on labelled talks; the tiers of a memory

It only reads. What learns from labelled talks is `dreaming.learning`.
"""
