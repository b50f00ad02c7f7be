"""How a conversation is put to a model, and how its reply becomes chunks. Nothing here sends.

    excerpt.py    the units of a lane that a model is shown, numbered
    prompt.py     the universal prompt in both reply shapes, and its version
    schema.py     the JSON schema of a reply, with its bounds
    windows.py    long conversations in windows, joined without a seam
    spans.py      a part of a conversation-day that is cut anew, shown with its context
    reply.py      a reply's text -> topics, validated and repaired, or why it is unusable
    anchoring.py  the `verbatim` shape: repeated text -> unit numbers
    cleaning.py   labels, entities and summaries within bounds of count, length and characters
    chunks.py     topics -> chunks packed to size

A model is shown numbered *units* and replies with *topics*: runs of units, each with a description.
In the reply shape `indices` a topic names its units by number; in `verbatim` it repeats their text.
Topics are then packed into chunks like any other units.

A reply only chooses boundaries and writes labels, entities and a summary, whatever it or the
conversation says; the text of a chunk is always the source's.
"""
