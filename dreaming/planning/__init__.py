"""Which chunks, provider, model and budget: by rules, or as a thinking model proposes.

    planner.py           plans an upgrade: the situation, the plans, the record of both
    situation_reader.py  gathers the situation from a home: candidates, models, budgets, history
    situation.py         what is known when an upgrade is planned; the day's share of the month
    forecast.py          limits, and what the first calls of an upgrade within them come to
    rules.py             the plan by the rules, which is always there
    thinking.py          the question to a thinking model, and its answer within the limits
    provider_thinker.py  a model of a configured provider as the thinking model
    plan.py              a plan, and the decision between two
    optimizer.py         the choice of provider, model and budget for a task, by named rules

A plan is made in three steps. The *situation* has all that is known: for each *model option* (a
provider, a model and a delivery) the calls that it could make, in the order of their worth for the
money. A *forecast* adds up the first of them within limits. A *planner* chooses the option and the
limits; the upgrade (`dreaming.buying`) then makes the calls under a budget that holds.

The limits are no planner's to move: a thinking model that asks for more, or whose answer cannot be
read, is not followed, and the plan of the rules is used. Labels of conversations reach the model
as data.
"""
