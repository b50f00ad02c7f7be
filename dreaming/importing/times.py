"""Times as exports write them: epoch seconds, milliseconds or microseconds, and ISO 8601."""

import re
from datetime import UTC, datetime

from dreaming.importing.json_values import JsonValue
from dreaming.importing.report import FileReport, SkipReason

# Seconds stay below 1e11 until the year 5138; milliseconds pass it in 1973 and microseconds pass
# 1e14 then.
_MILLISECONDS_FROM = 1e11
_MICROSECONDS_FROM = 1e14
# 2100-01-01: a later time is damaged.
_LATEST_SECONDS = 4_102_444_800.0
_NUMBER = re.compile(r"\d{9,}(\.\d+)?")


def read_time(value: JsonValue, report: FileReport) -> datetime | None:
    """Read a time, in UTC; a time without a zone counts as UTC.

    None for null or an empty text. None, and counted in the report, for a value that is not a time
    between 1970 and 2100.
    """
    if value is None or value == "":
        return None
    time = parse_time(value)
    if time is None:
        report.skip(SkipReason.UNREADABLE_TIME)
    return time


def parse_time(value: JsonValue) -> datetime | None:
    """The same without counting, for a time that is read more than once."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_epoch(value)
    if isinstance(value, str):
        is_epoch = _NUMBER.fullmatch(value) is not None
        return _from_epoch(float(value)) if is_epoch else _from_iso(value)
    return None


def _from_epoch(number: float) -> datetime | None:
    if number >= _MICROSECONDS_FROM:
        number /= 1_000_000
    elif number >= _MILLISECONDS_FROM:
        number /= 1_000
    # Written so that NaN fails it too. Zero is how apps write "unknown".
    if not 0 < number < _LATEST_SECONDS:
        return None
    return datetime.fromtimestamp(number, UTC)


def _from_iso(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text.strip())
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if 0 < time.timestamp() < _LATEST_SECONDS else None
