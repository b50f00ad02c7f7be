"""Labelled talks, made up: topics of a few words each, opened by a phrase or by nothing."""

import random

from dreaming.learning.dialogues import Dialogue

TOPICS = [
    "train ticket platform station",
    "pasta garlic oven dinner",
    "invoice refund payment bank",
    "puppy vet vaccine leash",
]


def make_dialogue(
    number: int, *, opening: str = "", dataset: str = "made", topics: int = 3
) -> Dialogue:
    """A talk of some topics, four to eight turns each; `opening` stands before the first turn of
    each but the first.
    """
    chance = random.Random(f"{dataset} {number}")
    turns: list[tuple[str, str]] = []
    boundaries = []
    for place, topic in enumerate(chance.sample(TOPICS, topics)):
        if place:
            boundaries.append(len(turns))
        for exchange in range(chance.randint(2, 4)):
            said = " ".join(chance.sample(topic.split(), 2))
            lead = opening if place and not exchange else ""
            turns += [
                ("user", f"{lead}what of the {said} then?"),
                ("assistant", f"The {said} will do."),
            ]
    return Dialogue(f"{dataset}/{number}", dataset, tuple(turns), tuple(boundaries))
