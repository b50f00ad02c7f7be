"""Stage: chunks -> hits.

    words.py              text -> terms, in every language; the query too
    term_extraction.py    the terms of many texts at once
    dates.py              the dates that a question names
    filters.py            which chunks a search or a read is about
    passages.py           what each message says in a chunk, by whom, and what is stored of it
    binary_embeddings.py  embeddings as codes of 512 bits, and their similarity
    encoding.py           the codes of a day's passages and terms, where there is an encoder
    arrays.py             types of arrays, and arithmetic on runs
    postings.py           the inverted index: postings packed by bucket, unpacked for a question
    posting_blocks.py     the rows of the table `postings`: inserted, read, merged when old
    rows.py               a chunk as a row, and back
    stored_segments.py    what a day has in the index: entries of unchanged chunks are reused
    segments.py           the chunks of a day that are written and deleted together
    writer_priority.py    processes that replace a day go before those that search
    index.py              the memory index, on SQLite or PostgreSQL: a day is replaced whole
    reader.py             what a search reads of the index
    ranking.py            how well each passage answers a question: pure arithmetic
    retrieval.py          a question -> passages, best first
    choosing.py           which of the ranked passages a search shows
    snippet.py            the part of a text to show on one line
    search.py             a query -> hits, and the conversation around a hit

What is ranked is a **passage**: what one message says in a chunk. What is stored is a **posting**
for each term of each passage; postings are packed by **segment**, up to 2,048 chunks of a day, and
segments are merged into **blocks**. A search scores all chunks by the question's rarer terms, then
the passages of the best by everything.

The index is a projection: it can be deleted, and is rebuilt from the partitions of
`raw_conversations` and `upgraded_chunks`; the same questions then have the same hits.

The index is its own postings in SQL, not FTS5 or tantivy. Those rank documents by their own words:
without the window of 5 passages, .871 of the answers are found within 1,000 words, not .881. FTS5
is not on PostgreSQL; tantivy commits outside the transaction that replaces a day. The price, at a
million chunks: 27 ms a question (p50, English; tantivy 18), 2,167 chunks/s (14,807). Two-character
words are no reason: both find 500 of 500, tantivy with its `ngram(2, 2)` tokenizer.
"""
