"""Learning from what was bought, through the whole product.

Of each set of dialogues whose topics are known (`segmentation/*.jsonl`, 50 or more), half, at most
30, are imported, cut for free, upgraded by a fake vendor that knows the topics, and learned from;
then the rest is cut for free. Once with the segmenter that comes with dreaming, which was fitted on
these sets too, the rest included, and once with one that was fitted on all sets but this one: as it
is with talks of a kind that nobody has seen.
"""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.corpus import Corpus
from benchmarks.economy import gold_of
from benchmarks.result import Aim, Cell, Result
from dreaming.buying.executor import DreamingExecutor
from dreaming.chunking.segmenter import Segmenter, shipped_segmenter
from dreaming.chunking.tokens import count_tokens
from dreaming.home import open_home
from dreaming.learning.dialogues import Dialogue, by_dataset, read_dialogues
from dreaming.learning.evaluating import evaluate
from dreaming.learning.examples import example_of
from dreaming.learning.fitting import fit_segmenter
from dreaming.learning.learner import learn_from_home
from dreaming.learning.scoring import mean_score
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.testing import make_settings
from dreaming.testing.fake_vendor import FakeVendor, GoldAnswers
from dreaming.upgrading.terms import UpgradeTerms

FEWEST, MOST_BOUGHT = 50, 30
ROUNDS = 3
"""Draws of which dialogues are bought."""


def measure_learning(corpus: Corpus) -> Result:
    """The score on the rest before and after, of each set and segmenter."""
    if corpus.data is None:
        return Result(
            name="learning", title="", rows=(), aims=(), notes=("left out: it takes --data FOLDER",)
        )
    sets = by_dataset(read_dialogues([corpus.data / "segmentation"]))
    examples = {
        name: [example_of(dialogue) for dialogue in dialogues] for name, dialogues in sets.items()
    }
    rows: list[dict[str, Cell]] = []
    for name, dialogues in sets.items():
        if len(dialogues) < FEWEST:
            continue
        others = [example for other, each in examples.items() if other != name for example in each]
        unseen = fit_segmenter(others, version="unseen")
        for told, segmenter in (("unseen", unseen), ("shipped", shipped_segmenter())):
            rows += [
                {"set": name, "base": told, "draw": draw, **_measure(segmenter, dialogues, draw)}
                for draw in range(ROUNDS)
            ]
    return Result(
        name="learning",
        title="the score of topic boundaries on the rest, before and after at most 30 dialogues "
        "were bought",
        rows=tuple(rows),
        aims=(Aim("least gain of a set, unseen", min(_gains(rows, "unseen")), 0.0, at_most=False),),
        notes=(f"from {corpus.source}; gains are means of {ROUNDS} draws",),
    )


def _gains(rows: list[dict[str, Cell]], base: str) -> list[float]:
    names = dict.fromkeys(row["set"] for row in rows)
    mine = [
        [float(row["gain"] or 0) for row in rows if row["set"] == n and row["base"] == base]
        for n in names
    ]
    return [sum(gains) / len(gains) for gains in mine]


def _measure(segmenter: Segmenter, dialogues: list[Dialogue], draw: int) -> dict[str, Cell]:
    drawn = random.Random(draw).sample(dialogues, len(dialogues))
    count = min(len(drawn) // 2, MOST_BOUGHT)
    bought = [gold_of(dialogue, number) for number, dialogue in enumerate(drawn[:count])]
    answers = GoldAnswers((each.conversation.messages, each.starts) for each in bought)
    with (
        TemporaryDirectory() as folder,
        open_home(make_settings(Path(folder)), segmenter=segmenter) as home,
        FakeVendor(answer=answers, count_tokens=count_tokens) as vendor,
    ):
        home.archive.add([each.conversation for each in bought])
        days = home.pipeline.waiting_days()
        for day in days:
            home.pipeline.run_day(day)
        settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url)
        executor = DreamingExecutor(
            home, {"anthropic": ConfiguredProvider("anthropic", settings)}, run_id="benchmark"
        )
        executor.upgrade(
            executor.begin("R", UpgradeTerms(target_quality="good", max_tokens=10**9)), days
        )
        learned = learn_from_home(home)
        rest = [example_of(dialogue) for dialogue in drawn[count:]]
        before, after = (
            mean_score(each.score for each in evaluate(one, rest)).score
            for one in (segmenter, home.segmenters.current())
        )
        return {
            "bought": count,
            "rest": len(rest),
            "before": before,
            "after": after,
            "gain": after - before,
            "accepted": str(learned["accepted"]),
        }
