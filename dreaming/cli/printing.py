"""How the command prints records, for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dreaming.chunk import BChunk
from dreaming.importing import ImportReport
from dreaming.remembering.search import Hit
from dreaming.showing.harmless import printable
from dreaming.storage.archive import ArchiveReport


def print_model_summary(console: Console, summary: Mapping[str, Any]) -> None:
    """Say what a model did in a run, and what the rules did in its place and why."""
    line = (
        f"local LLM: {summary['conversations_cut']:,} conversations in {summary['calls']:,} calls"
    )
    if summary["stored_calls"]:
        line += f" ({summary['stored_calls']:,} from the record)"
    line += f", {summary['input_tokens']:,} tokens in, {summary['output_tokens']:,} out"
    line += f", {summary['seconds']:,.1f} s"
    console.print(line, highlight=False)
    if summary["fell_back"]:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in summary["fell_back"].items())
        console.print(
            Text(f"by the rules instead: {reasons}. {summary['first_failure']}", style="yellow")
        )


def print_import(console: Console, report: ImportReport, stored: ArchiveReport) -> None:
    """Say what an import read, skipped and stored."""
    files = Table(title="Imported", title_justify="left", box=None, pad_edge=False)
    for column in ("file", "format", "conversations", "messages", "skipped"):
        files.add_column(
            column, justify="left" if column in ("file", "format") else "right", overflow="fold"
        )
    for file in report.files:
        cells = (
            file.path,
            file.format or "-",
            f"{file.conversations:,}",
            f"{file.messages:,}",
            f"{file.skipped.total():,}",
        )
        files.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(files)
    for reason, count in report.skipped.most_common():
        console.print(f"  skipped {count:,}: {reason.sentence}", highlight=False, markup=False)
    for error in report.errors:
        console.print(Text(f"  not read: {printable(error.message)}", style="red"))
    console.print(
        f"{stored.added:,} conversations added, {stored.updated:,} updated, {stored.unchanged:,} "
        "as they were, "
        f"{stored.older:,} older than what is held, {stored.forgotten:,} forgotten; "
        f"{stored.new_messages:,} new "
        f"messages on {len(stored.touched_days):,} days.",
        highlight=False,
    )
    if stored.doubted_times:
        console.print(
            f"{stored.doubted_times:,} messages have a time before the start day or in the "
            "future: they stand with "
            "their neighbours.",
            highlight=False,
        )
    if report.replaced_characters:
        console.print(
            f"{report.replaced_characters:,} characters that cannot be stored became \ufffd.",
            highlight=False,
        )


def print_hits(console: Console, hits: Sequence[Hit], context: Sequence[Sequence[BChunk]]) -> None:
    """Print hits, best first, with the conversation around each where that is asked for."""
    if not hits:
        console.print("Nothing found.")
    for number, (hit, chunks) in enumerate(zip(hits, context, strict=True), 1):
        chunk = hit.chunk
        facts = [
            str(chunk.day),
            chunk.conversation_id,
            chunk.quality_level,
            chunk.language,
            *chunk.labels,
        ]
        console.print(Text.assemble((f"{number}. ", "bold"), (printable("  ".join(facts)), "cyan")))
        console.print(Padding(_highlighted(hit), (0, 0, 0, 3)))
        for neighbour in chunks:
            mark = ">" if neighbour.chunk_id == chunk.chunk_id else "|"
            for line in printable(neighbour.content).splitlines():
                console.print(
                    Padding(
                        Text(f"{mark} {line}", style="bold" if mark == ">" else ""), (0, 0, 0, 3)
                    )
                )


def print_readings(console: Console, hits: Sequence[Hit]) -> None:
    """Show what hits say, dated and named, as it goes into a prompt."""
    for number, hit in enumerate(hits):
        console.print(Text(("\n" if number else "") + printable(hit.reading)), soft_wrap=True)


def _highlighted(hit: Hit) -> Text:
    text = Text(printable(hit.snippet.text))
    for start, end in hit.snippet.matches:
        text.stylize("bold yellow", start, end)
    return text


def quality_table(quality: Mapping[str, int]) -> Table:
    """The quality distribution of chunks, by level."""
    table = Table(title="Quality", title_justify="left", box=None, pad_edge=False)
    table.add_column("quality")
    table.add_column("chunks", justify="right")
    table.add_column("share", justify="right")
    total = sum(quality.values())
    for level, count in quality.items():
        table.add_row(level, f"{count:,}", f"{count / total:.0%}" if total else "-")
    return table


def print_status(console: Console, found: dict[str, Any]) -> None:
    """Show what is held."""
    waiting = found["days_waiting"]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("home", found["home"])
    table.add_row("partitions", found["partitions"])
    table.add_row("days cut in", found["time_zone"])
    table.add_row(
        "imported", f"{found['days_imported']:,} days, {found['first_day']} to {found['last_day']}"
    )
    table.add_row(
        "searchable", f"{found['chunks_searchable']:,} chunks of {found['days_searchable']:,} days"
    )
    table.add_row(
        "waiting", f"{len(waiting):,} days" + (" (next: dreaming run)" if waiting else "")
    )
    spent = found["spent_this_month"]
    table.add_row(
        "spent this month", f"{spent['tokens']:,} tokens, ${Decimal(spent['cost_usd']):.6f}"
    )
    for record in found["budgets"]:
        table.add_row("budget", f"{record['scope']}: {_budget_line(record)}")
    for pending in found["pending"]:
        table.add_row(
            "pending",
            f"{_pending_line(pending)}; request {pending['request_id']} (next: dreaming collect)",
        )
    for task_id, due_at in found["tasks_waiting"]:
        table.add_row("task", f"{task_id} at {due_at:%Y-%m-%d %H:%M} UTC")
    for folder in found["watched_folders"]:
        table.add_row("watched", folder)
    console.print(table, highlight=False)


def print_decision(console: Console, decision: Mapping[str, Any]) -> None:
    """Print what was planned, by whom and why, and the situation that it was planned in."""
    chosen, situation = decision["chosen"], decision["situation"]
    terms = chosen["terms"]
    lines = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    if terms is None:
        lines.add_row("upgrade", "nothing now")
    else:
        lines.add_row(
            "upgrade",
            f"{chosen['chunks']:,} of {situation['candidates']:,} chunks to "
            f"{terms['target_quality']}",
        )
        lines.add_row("which", Text(terms.get("filter") or "all that need it"))
        lines.add_row("with", f"{terms['provider']}/{terms['model']}")
        if terms.get("delivery") == "batch":
            lines.add_row("delivery", "in batches, within a day, at half the price")
        budget = (
            "no limit" if terms.get("max_tokens") is None else f"{terms['max_tokens']:,} tokens"
        )
        lines.add_row(
            "budget", budget + (f", ${terms['max_cost_usd']}" if terms.get("max_cost_usd") else "")
        )
        lines.add_row(
            "expected",
            f"{chosen['expected_tokens']:,} tokens, ${Decimal(chosen['expected_cost_usd']):.4f}, "
            f"{chosen['expected_minutes']} minutes",
        )
        lines.add_row("gain", f"{chosen['expected_gain']:,.0f} of {situation['worth']:,.0f}")
    lines.add_row("planned by", chosen["planner"])
    lines.add_row("because", Text(chosen["reason"]))
    if decision["why_rules"]:
        lines.add_row("not by thinking", Text(decision["why_rules"]))
    console.print(lines)


def print_task_result(console: Console, result: Mapping[str, Any]) -> None:
    """Show what an upgrade came to."""
    if not result["budget"]:
        console.print(
            f"Nothing was upgraded. {result['message'] or ''}", highlight=False, markup=False
        )
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("request", str(result["request_id"]))
    table.add_row("model", f"{result['llm_model']} of {result['llm_provider']}")
    table.add_row(
        "upgraded", f"{result['chunks_upgraded']:,} chunks, now {result['chunks_created']:,}"
    )
    table.add_row("days", f"{len(result['days_published']):,}")
    table.add_row(
        "spent",
        f"{result['tokens_consumed']:,} tokens, ${Decimal(result['estimated_cost_usd']):.6f}",
    )
    for name, form in (("tokens", "{:,}"), ("usd", "${}")):
        if (limit := result["budget"].get(f"limit_{name}")) is not None:
            told = [form.format(result["budget"][f"{part}_{name}"]) for part in ("used", "left")]
            table.add_row(
                f"budget ({name})", f"{told[0]} of {form.format(limit)} used, {told[1]} left"
            )
    if result["skipped"]:
        table.add_row(
            "skipped",
            ", ".join(f"{reason} {count:,}" for reason, count in result["skipped"].items()),
        )
    if pending := result["pending"]:
        table.add_row("pending", f"{_pending_line(pending)} (next: dreaming collect)")
    done = "nothing: the rest comes in batches" if pending else "nothing: the plan is done"
    table.add_row("stopped by", str(result["stopped"] or done))
    console.print(table, highlight=False)
    if result["message"]:
        console.print(Text(result["message"]), highlight=False)
    console.print(quality_table(result["quality_counts"]))


def print_collected(console: Console, told: Mapping[str, Any]) -> None:
    """Show what has come of batches, and what still waits."""
    for result in told["collected"]:
        if "llm_model" in result:
            print_task_result(console, result)
    for pending in told["pending"]:
        console.print(
            f"{_pending_line(pending)}; request {pending['request_id']}",
            highlight=False,
            soft_wrap=True,
        )
    for failure in told["failures"]:
        console.print(Text(failure, style="red"))
    if not any(told.values()):
        console.print("Nothing waits at a vendor.")


def _pending_line(pending: Mapping[str, Any]) -> str:
    """What waits at a vendor, since when, and what it will cost."""
    since = datetime.fromisoformat(pending["since"])
    expected, at_most = (Decimal(pending[f"{name}_cost_usd"]) for name in ("expected", "at_most"))
    calls = "1 call" if pending["calls"] == 1 else f"{pending['calls']:,} calls"
    where = f"{calls} at {pending['provider']} since {since:%Y-%m-%d %H:%M} UTC"
    return f"{where}, about ${expected:.6f}, at most ${at_most:.6f}"


def print_estimate(console: Console, estimate: Mapping[str, Any]) -> None:
    """Show what an upgrade would take."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("model", f"{estimate['model']} of {estimate['provider']}")
    table.add_row("would upgrade", f"{estimate['chunks']:,} chunks in {estimate['calls']:,} calls")
    for name in ("expected", "worst"):
        cost = Decimal(estimate[f"{name}_cost_usd"])
        label = "expected" if name == "expected" else "reserved at most"
        table.add_row(label, f"{estimate[f'{name}_tokens']:,} tokens, ${cost:.6f}")
    if estimate["skipped"]:
        table.add_row(
            "skipped",
            ", ".join(f"{reason} {count:,}" for reason, count in estimate["skipped"].items()),
        )
    console.print(table, highlight=False)
    for title, shares in (("day", estimate["by_day"]), ("label", estimate["by_label"])):
        if shares:
            console.print(_share_table(title, shares), highlight=False)


def _share_table(title: str, shares: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title, "chunks", "tokens", "USD", box=None, pad_edge=False)
    for name, share in shares.items():
        cost = f"{Decimal(share['expected_cost_usd']):.6f}"
        table.add_row(Text(name), f"{share['chunks']:,}", f"{share['expected_tokens']:,}", cost)
    return table


def _budget_line(record: Mapping[str, Any]) -> str:
    """What is used and left of a budget, in tokens, dollars or both."""
    parts = []
    for name, form in (("tokens", "{:,} tokens"), ("usd", "${}")):
        if record[f"limit_{name}"] is not None:
            used, limit, left = (
                form.format(record[f"{part}_{name}"]) for part in ("used", "limit", "left")
            )
            parts.append(f"{used} of {limit} used, {left} left")
    return "; ".join(parts) + (" (closed)" if record["closed"] else "")


def print_budgets(console: Console, records: Sequence[Mapping[str, Any]]) -> None:
    """Show standing budgets."""
    if not records:
        console.print(
            "No budget is set: nothing is spent by itself. Next: dreaming budget set --max-tokens "
            "50000"
        )
        return
    table = Table("budget", "tokens used", "left", "USD used", "left", box=None, pad_edge=False)
    for record in records:
        tokens = [_told(record[f"{part}_tokens"], "{:,}") for part in ("used", "left")]
        dollars = [_told(record[f"{part}_usd"], "{}") for part in ("used", "left")]
        table.add_row(record["scope"], *tokens, *dollars)
    console.print(table, highlight=False)
    for record in records:
        if record["closed"]:
            console.print(Text(f"{record['scope']} is closed. {record['closed']}", style="red"))


def print_spending(console: Console, records: Mapping[str, Any]) -> None:
    """Show what was spent on what."""
    if not records["spending"]:
        console.print("Nothing was asked of a model for money.")
        return
    table = Table(box=None, pad_edge=False)
    of_one_model = records["by"] == "request"
    named = (records["by"], "last", "model") if of_one_model else (records["by"], "last")
    for name in named:
        table.add_column(name, overflow="fold", no_wrap=name == "last")
    for name in ("calls", "tokens", "USD", "unknown"):
        table.add_column(name, justify="right")
    for record in records["spending"]:
        told = [str(record["key"]), f"{record['asked_at']:%Y-%m-%d %H:%M}", record["model"]][
            : len(named)
        ]
        figures = [
            f"{record['calls']:,}",
            f"{record['tokens']:,}",
            f"{Decimal(record['cost_usd']):.6f}",
        ]
        table.add_row(*told, *figures, f"{record['unknown']:,}")
    console.print(table, highlight=False)
    for call in records["unknown_calls"]:
        line = (
            f"call {call['call_id']}: {call['tokens']:,} tokens may have been charged "
            f"({call['failure']})"
        )
        console.print(
            Text(f"{line}. Next: dreaming ledger resolve {call['call_id']} charged|not-charged")
        )


def _told(value: object, form: str) -> str:
    return "no limit" if value is None else form.format(value)


def print_evaluation(console: Console, found: Mapping[str, Any]) -> None:
    """A table of sets: the score of each way, and more of the segmenter's."""
    ways = list(found["macro"])
    table = Table(box=None, pad_edge=False)
    names = max(map(len, [*found["sets"], "mean of sets"]))
    for header in ("set", "talks", *ways, "95 %", "F1", "Pk", "WD"):
        width = {"set": names, "95 %": 9}.get(header, max(len(header), 5))
        table.add_column(
            header, no_wrap=True, min_width=width, justify="left" if header == "set" else "right"
        )
    for name, row in found["sets"].items():
        low, high = row["interval"]
        scores = [f"{row['score'][way]:.3f}" for way in ways]
        rest = [f"{row[figure]:.3f}" for figure in ("f1", "pk", "windowdiff")]
        table.add_row(
            Text(printable(name)), f"{row['talks']:,}", *scores, f"{low:.2f}-{high:.2f}", *rest
        )
    table.add_row("mean of sets", "", *(f"{found['macro'][way]:.3f}" for way in ways), style="bold")
    console.print(table, crop=False)
    told = found["confidence"]
    if told["topics"]:
        ranked = "" if told["auroc"] is None else f", AUROC {told['auroc']:.3f}"
        console.print(
            f"confidence over {told['topics']:,} topics: calibration error "
            f"{told['calibration_error']:.3f}{ranked}; "
            f"of the least confident fifth {told['wrong_of_least_confident']:.0%} have a wrong "
            "boundary, of all "
            f"{told['wrong']:.0%}",
            highlight=False,
            soft_wrap=True,
        )


def print_learned(console: Console, learned: Mapping[str, Any]) -> None:
    """What came of learning."""
    console.print(Text(learned["reason"]), highlight=False)
    console.print(f"topics are found by {learned['version']}", highlight=False)


def print_learned_versions(console: Console, versions: Sequence[Mapping[str, Any]]) -> None:
    """A line for each version."""
    for version in versions:
        state = "cuts" if version["cuts"] else "reverted" if version.get("reverted_at") else ""
        told = (
            f"{version['learned_at'][:19]}  {version['reason']}"
            if "learned_at" in version
            else version["source"]
        )
        console.print(
            Text(f"{version['version']:12} {state:9} {told}"), highlight=False, soft_wrap=True
        )


def print_tiers(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """How near each tier comes to the better ones."""
    if not rows:
        console.print(
            "No chunk was bought: there is nothing to compare. Next: dreaming upgrade --dry-run"
        )
        return
    figures = ("f1", "pk", "labels", "entities")
    table = Table(
        "tiers",
        "language",
        "messages",
        "topics",
        "F1",
        "Pk",
        "labels",
        "entities",
        box=None,
        pad_edge=False,
    )
    for row in rows:
        told = [f"{row[name]:.2f}" if name in row else "" for name in figures]
        names = (f"{row['lower']} beside {row['higher']}", row["language"] or "all")
        table.add_row(*names, f"{row['messages']:,}", f"{row['topics']:,}", *told)
    console.print(table, highlight=False)
