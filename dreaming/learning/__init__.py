"""Stage: talks whose topics are known -> a segmenter and labels, and how good one is. Pure, but for
`dialogues`.

dialogues    labelled talks, and the file they are in
examples     labelled talks as the segmenter sees them
fitting      a segmenter from many talks, and one moved towards the talks of one user
learning     one moved where it is better on talks that are held out
vocabulary   the words that tell the labels of chunks
confidence   how sure a segmenter is, calibrated
scoring      how near the boundaries that were found are to the true ones
baselines    what needs no learning, to compare with
evaluating   segmenters on talks that they have not seen
"""
