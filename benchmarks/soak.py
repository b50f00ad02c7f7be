"""What survives: each fault strikes real work again and again, and the books are compared
afterwards.

Half of the time the initial run is struck, else the upgrade. Then what was struck ends as it can,
everything is asked for once more without a fault, and it is counted: days that are not whole,
tokens beyond the budget, calls that were charged for twice beyond those under way, runs that did
not end or do not say why.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import click
from rich.console import Console

from benchmarks.corpus import Corpus, load_corpus
from benchmarks.result import Aim, Cell, Result, print_result
from benchmarks.servers import wait_for
from benchmarks.soak_daemon import DAEMON_FAULTS
from benchmarks.soak_faults import FAULTS, Fault
from benchmarks.soak_world import PATIENCE_SECONDS, Soak, new_soak, services

TIMES = 10
INITIAL = ("run", "--json")
NAMES = (*FAULTS, *DAEMON_FAULTS)


@dataclass(slots=True)
class Tally:
    """What was seen of a fault."""

    times: int = 0
    struck: int = 0
    """How often the work was still under way."""
    lost: int = 0
    """Days that are not whole after it was asked for again, and chunks that are not there."""
    tokens_over: int = 0
    paid_twice: int = 0
    """Calls beyond those that were under way."""
    paid_again: int = 0
    """Calls that were under way."""
    unsaid: int = 0
    """Runs that did not end, or failed and do not say why."""
    ends: Counter[str] = field(default_factory=Counter)
    said: str = ""

    def as_row(self, name: str) -> dict[str, Cell]:
        """For the table."""
        return {
            "fault": name,
            "times": self.times,
            "under way": self.struck,
            "days lost": self.lost,
            "tokens over": self.tokens_over,
            "paid twice": self.paid_twice,
            "under way, paid again": self.paid_again,
            "runs unsaid": self.unsaid,
            "runs ended": ", ".join(
                f"{count} {status.lower()}" for status, count in sorted(self.ends.items())
            ),
        }


def measure_soak(corpus: Corpus, times: int = TIMES, names: Sequence[str] = NAMES) -> Result:
    """Let each fault strike so many times."""
    tallies = {name: Tally() for name in names}
    with TemporaryDirectory(prefix="dreaming-soak-") as folder, services(Path(folder)) as of:
        for name, tally in tallies.items():
            for number in range(times):
                chance = Random(f"{name} {number}")
                embedded = name in FAULTS and FAULTS[name].embedded
                with new_soak(of, Path(folder), corpus, embedded=embedded) as soak:
                    if name in DAEMON_FAULTS:
                        _strike_daemon(soak, name, chance, tally)
                    else:
                        _strike(soak, FAULTS[name], chance, tally, on_upgrade=number % 2 == 1)
            # All of them take more than an hour: what is known is told at once.
            click.echo(tally.as_row(name), err=True)
    rows = tuple(tally.as_row(name) for name, tally in tallies.items())
    said = tuple(f"{name}: {tally.said}" for name, tally in tallies.items() if tally.said)
    return Result(
        "soak", "faults that strike work under way", rows, aims=_aims(tallies.values()), notes=said
    )


def _aims(tallies: Any) -> tuple[Aim, ...]:
    told = ("lost", "tokens_over", "paid_twice", "unsaid")
    return tuple(
        Aim(name, float(sum(getattr(each, name) for each in tallies)), 0.0, at_most=True)
        for name in told
    )


def _strike(soak: Soak, fault: Fault, chance: Random, tally: Tally, *, on_upgrade: bool) -> None:
    """Work, a fault in the middle of it, the rest of the work, and a look at what is there."""
    if on_upgrade:
        _require(soak, *INITIAL)
    command, request = (soak.upgrade() if on_upgrade else INITIAL), None
    process = soak.start(*command, before=fault.before(chance))
    if on_upgrade:
        wait_for(
            lambda: soak.vendor.books.in_flight > 0 or process.poll() is not None, PATIENCE_SECONDS
        )
        sleep(chance.uniform(0.0, 1.5))
        request = _request(soak)
        command = soak.upgrade(request)
    else:
        sleep(chance.uniform(1.5, 5.0))
    tally.times += 1
    tally.struck += process.poll() is None
    under_way = soak.vendor.books.in_flight
    fault.strike(soak, process, chance, command)
    process.wait(timeout=PATIENCE_SECONDS)
    _finish(soak, request, tally, under_way)


def _strike_daemon(soak: Soak, name: str, chance: Random, tally: Tally) -> None:
    tally.times += 1
    tally.struck += 1
    DAEMON_FAULTS[name](soak, chance)
    _finish(soak, _request(soak), tally, under_way=0)


def _finish(soak: Soak, request: str | None, tally: Tally, under_way: int) -> None:
    """Ask for everything again, without a fault, and count."""
    _require(soak, *INITIAL)
    _require(soak, *soak.upgrade(request))
    _count(soak, tally, under_way)


def _request(soak: Soak) -> str | None:
    return next(iter(soak.look()["requests"]), None)


def _require(soak: Soak, *command: str) -> None:
    if told := soak.run(*command):
        raise RuntimeError(f"{' '.join(command)}: {told}")


def _count(soak: Soak, tally: Tally, under_way: int) -> None:
    found, again = soak.look(), soak.paid_again()
    charged = soak.vendor.books.charged_tokens
    tally.lost += found["waiting"] + found["broken"] + (found["chunks"] == 0)
    balances = found["balances"]
    tally.tokens_over += sum(
        max(0, balance["used_tokens"] - balance["limit_tokens"]) for balance in balances
    )
    tally.tokens_over += max(0, charged - sum(balance["limit_tokens"] for balance in balances))
    tally.paid_again += min(again, under_way)
    tally.paid_twice += max(0, again - under_way)
    for run in found["runs"]:
        tally.ends[run["status"]] += 1
        tally.unsaid += not run["has_ended"] or (
            run["status"] == "FAILURE" and not any(run["told"])
        )
        if run["status"] == "FAILURE":
            tally.said = (
                next((told for told in run["told"] if told), "").strip().splitlines()[0][:200]
            )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--times", type=click.IntRange(min=1), default=TIMES, show_default=True)
@click.option(
    "--fault",
    "names",
    type=click.Choice(NAMES),
    multiple=True,
    help="Only this one; all by default.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="DREAMING_TEST_DATA",
)
def main(times: int, names: tuple[str, ...], data: Path | None) -> None:
    """Let faults strike fewer or more times."""
    print_result(Console(width=200), measure_soak(load_corpus(data), times, names or NAMES))


if __name__ == "__main__":
    main()
