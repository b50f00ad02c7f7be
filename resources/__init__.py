"""Dagster resources: typed configuration -> one of the objects of `dreaming`. No logic lives here.

home.py       everything that is kept (what was imported is a source of conversations)
sources.py    further sources: watched folders, an SQL query over the user's own database
"""

from resources.home import HomeResource
from resources.sources import DatabaseSourceResource, WatchedFoldersResource

__all__ = ["DatabaseSourceResource", "HomeResource", "WatchedFoldersResource"]
