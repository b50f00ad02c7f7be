"""Stage: talks whose topics are known -> a segmenter, and how good one is. Pure functions, but for `dialogues`.

dialogues    labelled talks, and the file they are in
examples     labelled talks as the segmenter sees them
fitting      a segmenter from many talks, and one moved towards the talks of one user
scoring      how near the boundaries that were found are to the true ones
baselines    what needs no learning, to compare with
evaluating   segmenters on talks that they have not seen
"""
