"""Edge: where conversations come from besides `dreaming import`.

A source returns the conversations of one local day at a time. A watched folder is no source itself:
its files are imported into the archive (`dreaming.storage.archive`), which is one.

    folder.py      a folder that is watched: new and changed exports in it are imported
    database.py    an SQL query over the user's own database
"""

from collections.abc import Iterator
from datetime import date
from typing import Protocol

from dreaming.conversation import ConversationDay
from dreaming.days import Calendar


class DaySource(Protocol):
    """Returns the conversations of one local day."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    def read_day(self, day: date, calendar: Calendar) -> Iterator[ConversationDay]:
        """The day's conversations, each once; raises `SourceError` when they cannot be read."""
        ...
