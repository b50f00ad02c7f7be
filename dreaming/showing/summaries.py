"""What a home holds, spends and did, as JSON: for the command, MCP and the page."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from dreaming.home import Home
from dreaming.importing import ImportReport
from dreaming.pipeline.model_chunker import ModelReport
from dreaming.spending.budgets import window_starts
from dreaming.spending.ledger import Ledger
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
    calendar = home.archive.calendar
    chunks_by_day = home.index.days()
    imported_days = home.archive.touched_days()
    return {
        "home": str(home.settings.home),
        "partitions": home.settings.store_name,
        "time_zone": calendar.zone.key,
        "start_date": calendar.start,
        "days_imported": len(imported_days),
        "first_day": imported_days[0] if imported_days else None,
        "last_day": imported_days[-1] if imported_days else None,
        "days_searchable": len(chunks_by_day),
        "chunks_searchable": sum(chunks_by_day.values()),
        "days_waiting": home.pipeline.waiting_days(),
        "spent_this_month": _spent_this_month(home.ledger),
        "budgets": budget_records(home.ledger),
        "pending": home.batches.pending(),
        "tasks_waiting": [[waiting.task.id, waiting.due_at] for waiting in home.tasks.waiting()],
        "watched_folders": [_folder_line(folder.folder) for folder in home.pipeline.folders],
    }


def _folder_line(folder: Path) -> str:
    return str(folder) if folder.is_dir() else f"{folder} (not there)"


def budget_records(ledger: Ledger) -> list[dict[str, Any]]:
    """The standing budgets in their current windows."""
    records = []
    for provider, tier in ledger.limited():
        for window, balance in ledger.window_balances(provider, tier).items():
            if not balance.limit:
                continue
            scope = {
                "provider": provider,
                "tier": tier,
                "window": window,
                "scope": balance.scope_id,
            }
            records.append(scope | balance.as_json())
    return records


def _spent_this_month(ledger: Ledger) -> dict[str, Any]:
    month_start = window_starts(ledger.clock())["month"]
    spent = ledger.spent_since(month_start)
    return {"tokens": spent.tokens, "cost_usd": str(spent.cost_usd)}
