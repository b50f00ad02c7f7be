"""How much chunks matter: what recent searches found, and what is about the same topics."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dreaming.chunk import ChunkId

Numbers = npt.NDArray[np.floating[Any]]

TOPIC_SHARE = 0.3
"""How much of the mean importance of its topics a chunk has, beside its own."""

NEEDED_COLUMNS = ("chunk_id", "labels")


def weigh(table: pa.Table, found: Mapping[ChunkId, float]) -> Numbers:
    """The importance of each row of a table of chunks, from how prominently searches found chunks,
    by their ids.
    """
    values = np.array([*found.values(), 0.0])
    places = pc.index_in(table.column("chunk_id"), value_set=pa.array(list(found), pa.string()))
    own = values[np.asarray(pc.fill_null(places, len(found)))]
    of_topics = _of_topics(table.column("labels").combine_chunks(), own)
    return np.asarray(own + TOPIC_SHARE * of_topics)


def _of_topics(labels: pa.ListArray, own: Numbers) -> Numbers:
    """Of each row, the mean over its labels of the mean importance
    of the rows that have the label.
    """
    encoded = labels.flatten().dictionary_encode()
    label, row = np.asarray(encoded.indices), np.asarray(pc.list_parent_indices(labels))
    counts = np.maximum(np.bincount(label, minlength=len(encoded.dictionary)), 1)
    of_label = np.bincount(label, own[row], minlength=len(counts)) / counts
    totals = np.bincount(row, of_label[label], minlength=len(own))
    return np.asarray(totals / np.maximum(np.bincount(row, minlength=len(own)), 1))
