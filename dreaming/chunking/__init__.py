"""Stage: a conversation-day -> topic boundaries -> basic chunks. Rules only: pure functions, no
I/O, clock or network.

    tokens      how long a text is, in tokens
    blocks      the Markdown blocks of a long message
    units       what may not be cut; units tile a message
    cutting     the last resort: cutting one text that is too long to stay whole
    words       the words of a text that can tell its topic (stopwords: those that cannot)
    cues        phrases that open, continue and close a topic
    turns       what segmentation knows of one message
    cohesion    how much the words before a turn are those after it
    meaning     how near in meaning turns are, by an encoder that is given
    signs       what is seen of each turn
    segmenter   weights, and what they make of signs
    segment     turns -> topic boundaries
    pack        topics -> runs of units of 100 to 800 tokens
    language    the language of a text
    labels      topic labels, the same in every language (vocabulary: their words)
    entities    the names in a text
    summary     one sentence of a text that stands for it
    lane        a lane of a conversation-day: its units, turns and topics
    rules       `RulesChunker`: all of it together

What asks a model belongs to `dreaming.upgrading`, what reads or writes files to `dreaming.storage`.
"""
