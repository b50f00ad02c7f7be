"""`dreaming demo`: import, run, search and an estimate in one go."""

import shutil
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

import dreaming.samples
from dagster_project.cli.days import leave, print_summary, run_days
from dreaming.cli.group import cli, console
from dreaming.cli.memory import import_exports
from dreaming.settings import Settings

if TYPE_CHECKING:
    from dreaming.home import Home

TOPICS = 3
"""A person's own topics that are searched for."""


@cli.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def demo(paths: tuple[Path, ...]) -> None:
    """Import, run and search in one go: your own exports, or without any the sample conversations
    that come along.
    """
    from dreaming.home import open_home

    _headline("What comes in")
    all_read = import_exports(paths or dreaming.samples.FILES)
    _headline("What becomes of it: chunks, each about one topic, word for word")
    outcome, summary = run_days(None, rechunk="changed", stage="initial")
    print_summary(summary)
    leave(outcome)
    with open_home(Settings.from_environment()) as home:
        if paths:
            _headline("What you talked about most")
            queries = _topics(home)
        else:
            _headline("What a question finds, in any language")
            queries = list(dreaming.samples.QUERIES)
        for query in queries:
            _show_search(home, query)
        _headline("What better chunks would cost")
        _show_estimate(home)
    _show_next()
    if not all_read:
        sys.exit(1)


def _headline(text: str) -> None:
    console.print(f"\n{text}", style="bold", highlight=False)


def _topics(home: "Home") -> list[str]:
    """The labels that most chunks have."""
    counts: Counter[str] = Counter()
    for day in home.store.days("upgraded_chunks"):
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            for (labels,) in chunks.cells("labels"):
                counts.update(labels)
    top = counts.most_common(TOPICS)
    if top:
        console.print(", ".join(f"{label} ({count:,} chunks)" for label, count in top))
    return [label for label, _ in top]


def _show_search(home: "Home", query: str) -> None:
    from dreaming.cli.printing import print_hits

    console.print(f"\n$ dreaming search {query!r} --limit 1", highlight=False)
    hits = home.memory.search(query, limit=1)
    print_hits(console, hits, [[] for _ in hits])


def _show_estimate(home: "Home") -> None:
    """Say what it would cost to have every basic chunk made anew by a cheap cloud model."""
    from dreaming.buying.offers import Offers
    from dreaming.providers.configured import configured_providers
    from dreaming.upgrading.terms import UpgradeTerms

    offers = Offers(home, configured_providers(home.settings))
    terms = UpgradeTerms(target_quality="good")
    estimate = offers.estimate(terms, home.store.days("upgraded_chunks"))
    console.print(
        f"{estimate['chunks']:,} chunks by {estimate['model']}: about "
        f"{estimate['expected_tokens']:,} tokens, ${Decimal(estimate['expected_cost_usd']):.2f}. "
        "Nothing is spent without a key and a budget.",
        highlight=False,
    )


def _show_next() -> None:
    name = "dreaming" if shutil.which("dreaming") else sys.argv[0]
    _headline("Next")
    for command, does in (
        ("search WORDS", "find what was said"),
        ("page", "look at it in a browser"),
        ("ui", "the Dagster UI: days, runs, schedules"),
        ("upgrade --quality good --dry-run", "what a better model would cost, day by day"),
        ("mcp --config", "let an assistant search it"),
    ):
        console.print(f"  {name} {command:<34} {does}", highlight=False, soft_wrap=True)
