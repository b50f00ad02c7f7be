"""Values that JSON has no type for, as JSON has them."""

from datetime import date, datetime


def jsonable(value: object) -> object:
    """ISO for moments and days, text for all else; the `default` of `json.dumps`."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
