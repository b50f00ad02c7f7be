"""What spends: an upgrade from its terms to published chunks.

    offers.py        what an upgrade would take: its provider, warnings, an estimate; spends nothing
    estimating.py    expected and worst tokens and dollars of an upgrade
    reading.py       the candidates of an upgrade, read from the published days
    slices.py        columns and rows of the published days; the slices of messages in a chunk
    freezing.py      which chunks a request takes, frozen once for all of its runs
    spans.py         planned spans: read for the plan, and read again before they are bought
    executor.py      `DreamingExecutor`: terms -> request -> plan -> run -> result
    run.py           one run's share of a request: spans bought, days published
    patience.py      what becomes of a span whose call failed; when to stop asking a vendor
    bought.py        paid chunks from a usable reply, with their share of its cost
    outbox.py        calls that go to the vendor together, in batches
    settling.py      what has come of a request's batches is written down
    collecting.py    which requests have batches to collect; calling batches off
    quota.py         what is left of the standing budgets, and what the same keys spent elsewhere

**offers** look and may be asked by anyone; the **executor** works, with the id of a Dagster run and
a meter. A request keeps its terms and its plan: every run, retry and day takes its share of them.
Whatever is interrupted, and wherever, the next run goes on: what was bought is in the ledger, and
days are made from it.
"""
