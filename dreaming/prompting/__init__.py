"""How a conversation is put to a model, and what is made of its reply. Pure: nothing here sends
anything.

    passage.py    what is shown: the units of a lane, numbered
    prompt.py     the universal prompt in both reply shapes, and its version
    schema.py     the JSON schema of a reply
    windows.py    long conversations in windows, joined without a seam
    reply.py      a reply's text -> topics, validated and repaired, or why it is unusable
    anchoring.py  the `verbatim` shape: repeated text -> unit numbers
    cleaning.py   labels, entities and summaries within bounds of count, length and characters
    chunks.py     topics -> chunks packed to size

Whatever a conversation or a reply says, a reply only chooses boundaries and writes labels, entities
and a summary; the text of a chunk is always the source's.
"""
