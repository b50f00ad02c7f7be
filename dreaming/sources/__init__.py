"""Edge: where conversations come from besides `dreaming import`.

    folder.py      a folder that is watched: what appears in it is imported
    database.py    an SQL query over the user's own database

What was imported lives in `dreaming.storage.archive`, itself a source.
"""

from collections.abc import Iterator
from datetime import date
from typing import Protocol

from dreaming.conversation import ConversationDay
from dreaming.days import Calendar


class DaySource(Protocol):
    """Gives the conversations of one local day."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def read_day(self, day: date, calendar: Calendar) -> Iterator[ConversationDay]:
        """The day's conversations, each once; raises `SourceError` when it cannot tell."""
        ...
