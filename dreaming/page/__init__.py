"""The page: a memory to look at in a browser, served to this machine alone. It only reads.

All text on the page comes from conversations, so all of it may be hostile. Templates escape every
text, `guarding` forbids scripts and other sites, and `rendering` removes control characters. What
is shown is decided in Python and laid out by a template. Nothing here writes, asks a model, or
connects to another machine.

    serving.py       the page on a port of 127.0.0.1
    application.py   addresses -> replies and error pages
    guarding.py      which requests get a reply, and what a browser may do with it
    asking.py        a query string -> the search form and its values
    addresses.py     the addresses of pages
    finding.py       a search: its hits, with the words of the query marked
    conversation.py  a conversation with its chunks, day by day
    aligning.py      a conversation-day and its chunks, row by row beside each other
    overview.py      all days: their chunks, their cost, and those that wait for a run
    day.py           the conversations of one day
    charting.py      figures of days -> stacked bars
    highlighting.py  the words of a query in a text
    rendering.py     templates filled in, with all text escaped and made harmless
    templates/       HTML
    static/          CSS; no script
"""
