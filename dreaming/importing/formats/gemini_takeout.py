"""Google Takeout's `MyActivity.json` of Gemini Apps: a list of activities, the newest first.

An activity is a prompt and its answer. Activities of one conversation share the id in their link;
one without a link is a conversation alone.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from dreaming.importing.blocks import count_attachments
from dreaming.importing.draft import ConversationDraft, DraftMessage
from dreaming.importing.export_format import ExportFormat
from dreaming.importing.formats.html_text import html_to_text
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
    sent_at: datetime | None
    prompt: str
    answer: str


def _recognises(entry: JsonObject) -> bool:
    return {"header", "title", "time"} <= entry.keys()


def _read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[ConversationDraft]:
    exchanges: list[_Exchange] = []
    for entry in entries:
        exchange = _read_exchange(entry, report)
        if exchange is not None:
            exchanges.append(exchange)
    # Reversed first: the file has the newest first, and sorting keeps the order of equal times.
    exchanges.reverse()
    exchanges.sort(key=lambda exchange: exchange.sent_at or _LONG_AGO)
    conversations: dict[str | int, list[_Exchange]] = {}
    for position, exchange in enumerate(exchanges):
        key = exchange.conversation or position
        conversations.setdefault(key, []).append(exchange)
    for conversation in conversations.values():
        messages: list[DraftMessage] = []
        for exchange in conversation:
            messages += _messages_of(exchange)
        yield ConversationDraft(source_id=conversation[0].conversation, messages=messages)


def _read_exchange(entry: JsonObject, report: FileReport) -> _Exchange | None:
    answers = []
    for item in as_list(entry.get("safeHtmlItem")):
        html = as_text(as_object(item).get("html")) or ""
        answers.append(html_to_text(html))
    answer = "\n\n".join(answers)
    prompt = _read_prompt(entry, answered=bool(answer))
    if prompt is None:
        report.skip(SkipReason.OTHER_ACTIVITY)
        return None
    count_attachments(entry.get("attachedFiles"), report)
    sent_at = read_time(entry.get("time"), report)
    return _Exchange(_conversation_of(entry), sent_at, prompt, answer)


def _conversation_of(entry: JsonObject) -> str | None:
    """The id in the first link to a conversation."""
    urls = [as_object(detail).get("url") for detail in as_list(entry.get("details"))]
    urls.append(entry.get("titleUrl"))
    for url in urls:
        match = _LINK.search(as_text(url) or "")
        if match is not None:
            return match[1]
    return None


def _read_prompt(entry: JsonObject, *, answered: bool) -> str | None:
    """The text of the prompt, or None for an activity that is no prompt.

    English Takeouts begin the title with a verb. Other languages have verbs that are not known
    here: there, an activity with an answer is a prompt, and keeps its whole title.
    """
    title = as_text(entry.get("title")) or ""
    header = as_text(entry.get("header")) or ""
    # Bard is the earlier name of Gemini.
    if "Gemini" not in header and "Bard" not in header:
        return None
    for verb in _PROMPT_VERBS:
        if title.startswith(verb):
            return title.removeprefix(verb)
    if answered and not title.startswith(_OTHER_VERBS):
        return title
    return None


def _messages_of(exchange: _Exchange) -> list[DraftMessage]:
    prompt = DraftMessage("user", exchange.prompt, timestamp=exchange.sent_at)
    answer = DraftMessage("assistant", exchange.answer, timestamp=exchange.sent_at)
    return [prompt, answer] if exchange.answer else [prompt]


GEMINI_TAKEOUT = ExportFormat("gemini_takeout", _recognises, _read)
