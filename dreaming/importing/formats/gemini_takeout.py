"""Google Takeout's `MyActivity.json` of Gemini Apps: a list of activities, newest first, each a
prompt and its answer.

Activities of one conversation share the id in their link; one without a link is a conversation of
its own.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from dreaming.importing.blocks import count_attachments
from dreaming.importing.draft import Draft, DraftMessage
from dreaming.importing.export_format import ExportFormat
from dreaming.importing.formats.html_text import text_of_html
from dreaming.importing.json_values import JsonObject, as_list, as_object, as_text
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import read_time

_PROMPT_VERBS = ("Prompted ", "Asked ", "Said ")
_OTHER_VERBS = (
    "Used ",
    "Created ",
    "Selected ",
    "Gave feedback",
    "Viewed ",
    "Searched ",
    "Visited ",
    "Deleted ",
)
_LINK = re.compile(r"/app/([0-9A-Za-z_-]+)")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class _Exchange(NamedTuple):
    conversation: str | None
    said_at: datetime | None
    prompt: str
    answer: str


def _recognises(entry: JsonObject) -> bool:
    return {"header", "title", "time"} <= entry.keys()


def _read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[Draft]:
    exchanges = [exchange for entry in entries if (exchange := _read_exchange(entry, report))]
    exchanges.reverse()  # they come newest first, and sorting leaves equal times in order
    exchanges.sort(key=lambda exchange: exchange.said_at or _LONG_AGO)
    conversations: dict[str | int, list[_Exchange]] = {}
    for position, exchange in enumerate(exchanges):
        conversations.setdefault(exchange.conversation or position, []).append(exchange)
    for parts in conversations.values():
        yield Draft(
            source_id=parts[0].conversation,
            messages=[message for exchange in parts for message in _messages_of(exchange)],
        )


def _read_exchange(entry: JsonObject, report: FileReport) -> _Exchange | None:
    answers = [
        as_text(as_object(item).get("html")) or "" for item in as_list(entry.get("safeHtmlItem"))
    ]
    answer = "\n\n".join(text_of_html(html) for html in answers)
    prompt = _read_prompt(entry, answered=bool(answer))
    if prompt is None:
        report.skip(SkipReason.OTHER_ACTIVITY)
        return None
    count_attachments(entry.get("attachedFiles"), report)
    links = [
        as_text(as_object(detail).get("url")) or "" for detail in as_list(entry.get("details"))
    ]
    found = next(
        (
            match
            for link in [*links, as_text(entry.get("titleUrl")) or ""]
            if (match := _LINK.search(link))
        ),
        None,
    )
    return _Exchange(
        found[1] if found else None, read_time(entry.get("time"), report), prompt, answer
    )


def _read_prompt(entry: JsonObject, *, answered: bool) -> str | None:
    """What the person said, or None for an activity that is no prompt.

    English Takeouts begin the title with a verb. Other languages have their own; what was answered
    is a prompt there too, and keeps its whole title.
    """
    title = as_text(entry.get("title")) or ""
    if "Gemini" not in (as_text(entry.get("header")) or "") and "Bard" not in (
        as_text(entry.get("header")) or ""
    ):
        return None
    for verb in _PROMPT_VERBS:
        if title.startswith(verb):
            return title.removeprefix(verb)
    return title if answered and not title.startswith(_OTHER_VERBS) else None


def _messages_of(exchange: _Exchange) -> list[DraftMessage]:
    prompt = DraftMessage("user", exchange.prompt, timestamp=exchange.said_at)
    answer = DraftMessage("assistant", exchange.answer, timestamp=exchange.said_at)
    return [prompt, answer] if exchange.answer else [prompt]


GEMINI_TAKEOUT = ExportFormat("gemini_takeout", _recognises, _read)
