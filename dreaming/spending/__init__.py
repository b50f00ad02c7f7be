"""Money: what calls cost, what may be spent, and the only way to a model that costs something.

    prices.py            what a model's tokens cost, from a maintained and dated library
    budgets.py           scopes, their limits and balances; whether a reservation fits
    reservations.py      what is asked of the ledger about a call, and its replies
    meter.py             reserve, call, settle; waits while a reservation may fit later
    ledger.py            every call from its reservation to its end: the way to all that is below
    writing.py           the thread that writes entries together
    entries.py           reservations and settlements, decided in one transaction
    call_rows.py         rows of calls: made, ended, summed, read
    scope_rows.py        rows of scopes: a budget's balance in SQL
    batches.py           batches of calls at vendors
    spending_reports.py  sums over the ledger for people and planners

A *call* is one attempt to get a reply from a model. It counts in *scopes*: its upgrade request, and
the month and the day of its provider and tier. Each scope may have a *limit*. Before a call is sent
it *reserves* the most that it can cost, in all of its scopes or in none; when it has ended it is
*settled*, and what it did not use is free again. A call that may have been charged stays counted as
it was reserved.

Three laws follow from the order of the writes. A budget is never exceeded, because the reservation
is committed before the call is sent. Nothing is paid for twice, because the reservation looks for
an equal call first, in the same transaction. And a process may be killed at any moment: its open
calls are in the ledger, with their owner, and are given up or found at the vendor by another one.

What is bought with the money is decided in `dreaming.upgrading` and `dreaming.buying`.
"""
