"""The format of a file, recognised by its content and never by its name."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from dreaming.errors import UnknownExportFormat
from dreaming.importing.export_format import ExportFormat
from dreaming.importing.formats import FORMATS
from dreaming.importing.json_values import JsonObject, JsonValue

# A file may begin with entries that no format recognises. They are held until the format is known.
_ENTRIES_TRIED = 64
# An error message shows keys of the file: few, and not their whole length, which has no bound.
_KEYS_SHOWN = 12
_KEY_LENGTH = 40

# Files that vendors put beside the conversations, each by the keys of an entry.
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

    Returns the format, or None; all entries from the first on; and the sample that was tried.
    """
    sample: list[JsonValue] = []
    export_format: ExportFormat | None = None
    for entry in entries:
        sample.append(entry)
        export_format = _format_of(entry) if isinstance(entry, dict) else None
        if export_format or len(sample) == _ENTRIES_TRIED:
            break
    return export_format, chain(sample, entries), sample


def is_companion(sample: Iterable[JsonValue]) -> bool:
    """Whether the entries are of a file that vendors put beside the conversations."""
    for entry in sample:
        if isinstance(entry, dict) and any(keys <= entry.keys() for keys in _COMPANIONS):
            return True
    return False


def unknown_format(path: str, sample: Sequence[JsonValue]) -> UnknownExportFormat:
    """The error for a file in no known format, with the types and keys of its entries.

    It has no values, which may be private.
    """
    # Dicts as ordered sets.
    types = dict.fromkeys(type(entry).__name__ for entry in sample)
    keys: dict[str, None] = {}
    for entry in sample:
        if isinstance(entry, dict):
            keys.update(dict.fromkeys(entry))
    description = ", ".join(types)
    if keys:
        shown = ", ".join(repr(key[:_KEY_LENGTH]) for key in list(keys)[:_KEYS_SHOWN])
        more = ", ..." if len(keys) > _KEYS_SHOWN else ""
        description += f" with the keys {shown}{more}"
    known_formats = ", ".join(FORMATS)
    return UnknownExportFormat(
        f"{path!r} is in no known format: its entries are {description}. Known are "
        f"{known_formats}. Convert it to the JSONL that docs/importing.md describes."
    )


def _format_of(entry: JsonObject) -> ExportFormat | None:
    for export_format in FORMATS.values():
        if export_format.recognises(entry):
            return export_format
    return None
