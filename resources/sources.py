"""Further sources of conversations, besides `dreaming import`."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from dreaming.settings import absolute_path
from dreaming.sources.database import DatabaseSource


class WatchedFoldersResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Folders whose exports are imported as they appear, for example `~/.claude/projects`."""

    folders: list[str] = Field(
        default=[], description="Absolute paths; subfolders are looked at too."
    )

    def paths(self) -> list[Path]:
        return [absolute_path(folder) for folder in self.folders]


class DatabaseSourceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """An SQL query over the user's own database for a day's messages; off without a URL."""

    name: str = Field(default="database", description="Stands before the ids of its conversations.")
    url: str = Field(
        default="", description="SQLAlchemy URL; give it as an EnvVar when it holds a password."
    )
    query: str = Field(
        default="",
        description="With the parameters :day_start and :day_end, ordered by conversation.",
    )
    columns: dict[str, str] = Field(
        default={}, description="Our column -> the query's column, where they differ."
    )
    bounds: str = Field(
        default="datetime",
        description="How the query wants the bounds: datetime, text, iso or epoch.",
    )

    def sources(self) -> list[DatabaseSource]:
        """The source as a list, which is empty when it is switched off."""
        if not self.url:
            return []
        source = DatabaseSource.configured(
            self.name, self.url, self.query, self.columns, self.bounds
        )
        return [source]
