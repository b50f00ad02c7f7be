"""Stage: a conversation-day -> topic boundaries -> basic chunks.

By rules only: pure functions without I/O, clock or network. A message becomes units, the smallest
parts that are not cut, and one turn, which is the message as segmentation sees it. From the
features of turns, the segmenter computes the probability that each starts a topic, and the best
boundaries are chosen. Packing then splits and joins topics into chunks of 100 to 800 tokens, and
each chunk is described: language, labels, entities, summary. Messages of one kind form a lane, and
each lane is cut alone, so that a tool's output does not cut the talk around it.

A chunk's id depends on where it is cut, so ids of stored chunks depend on this package: a change of
any result here needs a new version of the segmenter.

    tokens.py              the length of a text in tokens
    blocks.py              the Markdown blocks of a long message
    units.py               the units of a message
    cutting.py             cutting one unit that is too long for a chunk
    words.py               the topic words of a text
    stopwords.py           words that say nothing about a topic
    cues.py                phrases that open, continue and close a topic
    turns.py               one message as segmentation sees it
    cohesion.py            similarity of the words before and after a turn
    features.py            the features of each turn
    embedding_features.py  more features of each turn, by an encoder that the caller passes
    segmenter.py           weights, and the probabilities they compute from features
    segment.py             turns -> topic boundaries
    lane.py                a lane of a conversation-day: its units, turns and topics
    pack.py                topics -> runs of units of 100 to 800 tokens
    drafts.py              a packed lane as drafts of chunks
    language.py            the language of a text
    labels.py              topic labels, the same in every language
    vocabulary.py          the words of each label
    entities.py            the names in a text
    summary.py             the most central sentence of a text
    describe.py            a draft -> the record of a chunk
    rules.py               `RulesChunker`: the whole stage

Code that calls a model belongs to `dreaming.upgrading`, code that reads or writes files to
`dreaming.storage`.
"""
