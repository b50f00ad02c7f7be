"""Which format a file is in, told from its content and never from its name."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from dreaming.errors import UnknownExportFormat
from dreaming.importing.export_format import ExportFormat
from dreaming.importing.formats import FORMATS
from dreaming.importing.json_values import JsonObject, JsonValue

_ENTRIES_TRIED = 64
_KEYS_SHOWN = 12
_KEY_LENGTH = 40

# What vendors put beside the conversations, by keys that an entry of it has.
_COMPANIONS = (
    {"email_address", "full_name"},  # Claude.ai users.json
    {"prompt_template", "docs"},  # Claude.ai projects.json
    {"conversations_memory"},  # Claude.ai memories.json
    {"email", "chatgpt_plus_user"},  # ChatGPT user.json
    {"conversation_id", "rating"},  # ChatGPT message_feedback.json
    {"conversation_id", "is_anonymous"},  # ChatGPT shared_conversations.json
    {"version", "entries", "originalPath"},  # Claude Code sessions-index.json
    {"sessionId", "messageId", "message"},  # Gemini CLI logs.json
)


def recognise_format(
    entries: Iterator[JsonValue],
) -> tuple[ExportFormat | None, Iterator[JsonValue], list[JsonValue]]:
    """Find the format of the first entry that has one.

    Returns it, or None, with all entries from the first on, and the sample that was looked at.
    """
    sample: list[JsonValue] = []
    found: ExportFormat | None = None
    for entry in entries:
        sample.append(entry)
        found = _format_of(entry) if isinstance(entry, dict) else None
        if found or len(sample) == _ENTRIES_TRIED:
            break
    return found, chain(sample, entries), sample


def is_companion(sample: Iterable[JsonValue]) -> bool:
    """Whether the entries are of a file that exports carry beside the conversations."""
    return any(
        keys <= entry.keys() for entry in sample if isinstance(entry, dict) for keys in _COMPANIONS
    )


def unknown_format(path: str, sample: Sequence[JsonValue]) -> UnknownExportFormat:
    """The error for a file in no known format: it says what the file holds, by keys and types
    alone.
    """
    keys = dict.fromkeys(key for entry in sample if isinstance(entry, dict) for key in entry)
    types = dict.fromkeys(type(entry).__name__ for entry in sample)
    holds = ", ".join(types)
    if keys:
        shown = ", ".join(repr(key[:_KEY_LENGTH]) for key in list(keys)[:_KEYS_SHOWN])
        holds += f" with the keys {shown}" + (", ..." if len(keys) > _KEYS_SHOWN else "")
    return UnknownExportFormat(
        f"{path!r} is in no known format: its entries are {holds}. Known are {', '.join(FORMATS)}. "
        "Convert it to the JSONL that docs/importing.md describes."
    )


def _format_of(entry: JsonObject) -> ExportFormat | None:
    return next((known for known in FORMATS.values() if known.recognises(entry)), None)
