"""The page: a memory to look at in a browser, served to this machine alone. It reads, and changes
nothing.

    serving.py application.py   a port of 127.0.0.1; addresses -> answers and errors
    guarding.py                 who is answered, and what a browser may do with the answer
    asking.py addresses.py      what a query string says; the addresses of pages
    finding.py                  a search, its hits with their words marked
    talks.py aligning.py        a conversation and its chunks; side by side, row by row
    overview.py day.py          what all days hold, cost and wait for; the conversations of one
    charting.py highlighting.py bars; words in a text
    rendering.py                templates with all text escaped and made harmless
    templates/ static/          HTML and CSS; no script

What is shown is decided in Python and laid out by a template. Nothing here writes, asks a model, or
reaches out.
"""
