"""Money: what calls cost, what may be spent, and the one way to a model that costs something.

    amount.py   tokens and money, always together
    prices.py   what a model's tokens cost, from a maintained and dated library
    budgets.py  scopes and their limits; whether a reservation fits
    ledger.py   every call from its reservation to its end, in SQL
    batches.py  what vendors were given to answer within a day
    meter.py    reserve -> call -> settle

What is bought with it is the business of `dreaming.upgrading`.
"""
