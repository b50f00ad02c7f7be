"""Dagster resources: typed configuration -> one of the objects of `dreaming`. No logic lives here.

home.py       the home: partitions, databases and the memory index
sources.py    further sources: watched folders, an SQL query over the user's own database
llm.py        the models that conversations are shown to
"""

from resources.home import HomeResource
from resources.llm import AnthropicResource, LocalLLMResource, OpenAIResource
from resources.sources import DatabaseSourceResource, WatchedFoldersResource

__all__ = [
    "AnthropicResource",
    "DatabaseSourceResource",
    "HomeResource",
    "LocalLLMResource",
    "OpenAIResource",
    "WatchedFoldersResource",
]
