"""The home as a resource."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from dreaming.home import Home, open_home
from dreaming.settings import Settings
from resources.sources import DatabaseSourceResource, WatchedFoldersResource


class HomeResource(dg.ConfigurableResource[Home]):
    """The partitions, the databases and the memory index, opened for the time of a run."""

    home: str = Field(description="Absolute folder of everything that is kept (DREAMING_HOME).")
    store_url: str = Field(
        description="Where partitions are: a path or an fsspec URL (DREAMING_STORE)."
    )
    database_url: str = Field(
        default="", description="PostgreSQL URL; empty for SQLite in the home."
    )
    time_zone: str = Field(
        default="", description="IANA zone that days are cut in; empty for the pinned one."
    )
    start_date: str = Field(description="The first day that has a partition, YYYY-MM-DD.")
    remember_queries: bool = Field(
        default=True, description="Remember searches, locally, to tell what matters."
    )
    embedding: bool = Field(
        default=False, description="Find topics with the model of the extra `embedding`, too."
    )
    local_only_sources: list[str] = Field(
        default_factory=list,
        description="Sources, by name or watched folder, whose conversations stay on this machine.",
    )
    watched_folders: WatchedFoldersResource
    database_source: DatabaseSourceResource

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Home, None, None]:  # noqa: ARG002
        """Open the home for a run."""
        with open_home(
            self.settings(),
            folders=self.watched_folders.paths(),
            sources=self.database_source.sources(),
        ) as home:
            yield home

    def settings(self) -> Settings:
        # By way of variables, so that each value is checked by the one reader of settings.
        return Settings.from_environment(
            {
                "DREAMING_HOME": self.home,
                "DREAMING_STORE": self.store_url,
                "DREAMING_DATABASE_URL": self.database_url,
                "DREAMING_TIMEZONE": self.time_zone,
                "DREAMING_START_DATE": self.start_date,
                "DREAMING_REMEMBER_QUERIES": "1" if self.remember_queries else "0",
                "DREAMING_EMBEDDING": "1" if self.embedding else "0",
                "DREAMING_LOCAL_ONLY_SOURCES": ",".join(self.local_only_sources),
            }
        )
