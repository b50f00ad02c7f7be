"""What a home holds, spends and did, as JSON: for the command, MCP and the page."""

from datetime import date, datetime
from typing import Any

from dreaming.home import Home
from dreaming.importing import ImportReport
from dreaming.pipeline.model_chunker import ModelReport
from dreaming.spending.budgets import window_starts
from dreaming.storage.archive import ArchiveReport


def jsonable(value: object) -> object:
    """What JSON has for a value that it has no type for: ISO for moments, text for all else."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def model_summary(report: ModelReport) -> dict[str, Any]:
    """What a model did in a run, as JSON has it."""
    return {
        "conversations_cut": report.conversations_cut,
        "fell_back": dict(report.fell_back),
        "first_failure": report.first_failure,
        "calls": report.calls,
        "stored_calls": report.stored_calls,
        "repairs": dict(report.repairs),
        "input_tokens": report.usage.all_input_tokens,
        "output_tokens": report.usage.output_tokens,
        "seconds": round(report.seconds, 3),
    }


def import_summary(report: ImportReport, stored: ArchiveReport) -> dict[str, Any]:
    """An import as JSON has it."""
    return {
        "conversations": report.conversations,
        "messages": report.messages,
        "added": stored.added,
        "updated": stored.updated,
        "unchanged": stored.unchanged,
        "older": stored.older,
        "forgotten": stored.forgotten,
        "new_messages": stored.new_messages,
        "doubted_times": stored.doubted_times,
        "replaced_characters": report.replaced_characters,
        "days": sorted(day.isoformat() for day in stored.touched_days),
        "skipped": {reason.value: count for reason, count in report.skipped.items()},
        "files": [
            {
                "path": file.path,
                "format": file.format,
                "conversations": file.conversations,
                "messages": file.messages,
                "skipped": {reason.value: count for reason, count in file.skipped.items()},
                "errors": [error.message for error in file.errors],
            }
            for file in report.files
        ],
    }


def home_status(home: Home) -> dict[str, Any]:
    """What is held, as JSON has it."""
    calendar, indexed = home.archive.calendar, home.index.days()
    held = home.archive.touched_days()
    return {
        "home": str(home.settings.home),
        "partitions": home.settings.store_name,
        "time_zone": calendar.zone.key,
        "start_date": calendar.start,
        "days_imported": len(held),
        "first_day": held[0] if held else None,
        "last_day": held[-1] if held else None,
        "days_searchable": len(indexed),
        "chunks_searchable": sum(indexed.values()),
        "days_waiting": home.pipeline.waiting_days(),
        "spent_this_month": _spent(home),
        "budgets": budget_records(home),
        "pending": home.batches.pending(),
        "tasks_waiting": [[each.task.id, each.due_at] for each in home.tasks.waiting()],
        "watched_folders": [
            f"{folder.folder}{'' if folder.folder.is_dir() else ' (not there)'}"
            for folder in home.pipeline.folders
        ],
    }


def budget_records(home: Home) -> list[dict[str, Any]]:
    """The standing budgets in their current windows."""
    records = []
    for provider, tier in home.ledger.limited():
        for window, balance in home.ledger.window_balances(provider, tier).items():
            if balance.limit:
                named = {
                    "provider": provider,
                    "tier": tier,
                    "window": window,
                    "scope": balance.scope_id,
                }
                records.append(named | balance.as_json())
    return records


def _spent(home: Home) -> dict[str, Any]:
    spent = home.ledger.spent_since(window_starts(home.ledger.clock())["month"])
    return {"tokens": spent.tokens, "cost_usd": str(spent.cost_usd)}
