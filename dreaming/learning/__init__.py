"""Stage: labelled dialogues -> a segmenter and labels, and how good a segmenter is.

A labelled dialogue is a conversation whose topic boundaries are known: from a public data set, from
a file of the user's, or from chunks that a better model cut. An example is such a dialogue as
features. Fitting makes the segmenter that comes with dreaming from many examples; learning moves it
towards a user's own, and is accepted only where it is better on dialogues that were held out.
Pure, but for `dialogues` and `learner`, which read files.

    dialogues.py   labelled dialogues, and the format of their files
    examples.py    labelled dialogues as the segmenter sees them
    fitting.py     a segmenter from many examples; one moved towards a user's examples
    learning.py    a moved segmenter, if it is better on examples that were held out
    vocabulary.py  words for labels, learned from labelled chunks
    learner.py     learning from a home's bought chunks, or from files
    confidence.py  the calibrated confidence of a segmenter
    scoring.py     how close predicted boundaries are to the true ones
    baselines.py   segmentations without learning, to compare with
    evaluating.py  segmenters on dialogues that they were not fitted on
    __main__.py    the command that fits the weights that come with dreaming
"""
