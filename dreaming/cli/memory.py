"""Commands on what is remembered: import, search, export, status, page, timezone."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from dreaming.chunk import chunk_record
from dreaming.cli.group import cli, console, diagnostics, progress_bar, write_json
from dreaming.cli.options import filter_options, json_option
from dreaming.remembering.filters import ChunkFilter
from dreaming.settings import Settings


@cli.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--again", is_flag=True, help="Take the conversations in these files back that were forgotten."
)
@click.option(
    "--local-only", is_flag=True, help="Keep these conversations on this machine, for good."
)
@json_option
def import_(paths: tuple[Path, ...], again: bool, local_only: bool, as_json: bool) -> None:
    """Import exports: files, folders or zips of ChatGPT, Claude, Claude Code, Codex, Open WebUI and
    others.

    The same or a grown export adds only what is new. Then `dreaming run` chunks the days that it
    touched.
    """
    if not import_exports(paths, again=again, local_only=local_only, as_json=as_json):
        sys.exit(1)


def import_exports(
    paths: Sequence[Path], *, again: bool = False, local_only: bool = False, as_json: bool = False
) -> bool:
    """Import exports and say what became of them; returns whether every file could be read."""
    from dreaming.cli.printing import print_import
    from dreaming.home import open_home
    from dreaming.importing import ImportReport, read_exports
    from dreaming.showing.summaries import import_summary

    with open_home(Settings.from_environment()) as home, progress_bar() as progress:
        report = ImportReport()
        offered = progress.track(read_exports(paths, report), description="Importing conversations")
        stored = home.archive.add(offered, again=again, local_only=local_only)
    if as_json:
        write_json(import_summary(report, stored))
    else:
        print_import(console, report, stored)
    return not report.errors


@cli.command()
@click.argument("query")
@filter_options
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    help="How many hits.  [default: 10, or as many as fit --budget-words]",
)
@click.option(
    "--budget-words",
    type=click.IntRange(20),
    help="Show what fits so many words, dated and named, to be read by a person or a model.",
)
@click.option(
    "--around",
    type=click.IntRange(0, 100),
    default=0,
    show_default=True,
    help="Show so many chunks before and after each hit.",
)
@json_option
def search(
    query: str,
    wanted: ChunkFilter,
    limit: int | None,
    budget_words: int | None,
    around: int,
    as_json: bool,
) -> None:
    """Find what was said: words of any language, two-character
    Chinese and Japanese words included.
    """
    from dreaming.cli.printing import print_hits, print_readings
    from dreaming.home import open_home

    with open_home(Settings.from_environment()) as home:
        hits = home.memory.search(query, wanted, limit=limit, budget_words=budget_words)
        if waiting := len(home.pipeline.waiting_days()):
            diagnostics.print(
                f"{waiting:,} days are not searchable yet. Next: dreaming run", style="yellow"
            )
        context = [home.memory.around(hit, chunks=around) if around else [] for hit in hits]
        if as_json:
            write_json(
                [
                    hit.as_json(reading=budget_words is not None)
                    | ({"around": [chunk_record(chunk) for chunk in chunks]} if around else {})
                    for hit, chunks in zip(hits, context, strict=True)
                ]
            )
        elif budget_words is not None and not around:
            print_readings(console, hits)
        else:
            print_hits(console, hits, context)


@cli.command()
@click.argument("target", type=click.Path(path_type=Path))
@filter_options
def export(target: Path, wanted: ChunkFilter) -> None:
    """Write the current chunks to a file: .parquet, .jsonl or .csv, by its ending."""
    from dreaming.home import open_home
    from dreaming.showing.exporting import export_chunks

    with open_home(Settings.from_environment()) as home:
        count = export_chunks(home.store, wanted.expression(), target)
    console.print(f"{count:,} chunks written to {target}", highlight=False)


@cli.command()
@json_option
def status(as_json: bool) -> None:
    """What is held, what is searchable, and which days wait for a run."""
    from dreaming.cli.printing import print_status
    from dreaming.home import open_home
    from dreaming.showing.summaries import home_status

    with open_home(Settings.from_environment()) as home:
        found = home_status(home)
    if as_json:
        write_json(found)
    else:
        print_status(console, found)


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=3010,
    show_default=True,
    help="On 127.0.0.1; 0 takes a free one.",
)
def page(port: int) -> None:
    """Look at your memory in a browser: search, conversations beside their chunks, days. Ctrl-C
    ends it.
    """
    from dreaming.home import open_home
    from dreaming.page.serving import address_of, listen, serve

    settings = Settings.from_environment()
    with open_home(settings):
        listening = listen(port)
    console.print(f"Your memory is at {address_of(listening)}; Ctrl-C ends it.", highlight=False)
    serve(settings, listening)


@cli.command()
@click.argument("zone")
def timezone(zone: str) -> None:
    """Move all days to another time zone; then `dreaming run` writes the days that change."""
    from dreaming.home import open_home

    # Opened as it is pinned: the environment may already ask for the new zone.
    with open_home(replace(Settings.from_environment(), time_zone=None)) as home:
        touched = home.archive.move_time_zone(zone)
    console.print(
        f"Days are cut in {zone} now; {len(touched):,} days have news. Next: dreaming run",
        highlight=False,
    )
