"""Stage: chunks -> hits.

    words.py      text -> the words that are indexed and looked for, in every language
    dates.py      the dates that a question names
    filters.py    which chunks a search or a read is about
    terms.py      the words of many texts at once
    passages.py   what is held of a chunk: what each message says in it, and who says it
    meaning.py    what each passage means, in a few bytes, where there is an encoder
    encoding.py   the meaning of a day's passages, and of the words in them
    postings.py   where each word stands, packed
    blocks.py     where the postings of segments stand together
    rows.py       a chunk as a row, and back
    segments.py   the chunks of a day that are written and deleted together
    held.py       what a day has that is replaced: what is unchanged is taken over
    turns.py      whoever replaces a day goes before those who search
    index.py      the memory index, on SQLite or PostgreSQL: a day is replaced whole
    reader.py     what a search reads of it
    ranking.py    how well each passage answers a question: pure arithmetic
    finding.py    a question -> passages, best first
    choosing.py   which of them are worth their words
    snippet.py    the part of a text worth showing on one line
    search.py     a question -> hits, and the conversation around a hit

The index is a projection: it can be deleted, and is rebuilt from the partitions of
`raw_conversations` and
`upgraded_chunks`; the same questions then have the same answers.
"""
