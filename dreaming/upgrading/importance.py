"""The importance of chunks: whether recent searches found them, or others of the same topics."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dreaming.chunk import ChunkId
from dreaming.upgrading.arrow_arrays import boolean_values, number_values, string_array

Numbers = npt.NDArray[np.floating[Any]]

# Less than 1: a chunk that was found matters more than another one of its topic.
TOPIC_SHARE = 0.3
"""The part of the mean importance of its topics that is added to a chunk's own."""

NEEDED_COLUMNS = ("chunk_id", "labels")


def weigh(table: pa.Table, prominence: Mapping[ChunkId, float]) -> Numbers:
    """The importance of each row of a table of chunks.

    `prominence` is how high up searches have found chunks, by their ids.
    """
    # The last value is that of the chunks that no search has found.
    values = np.array([*prominence.values(), 0.0])
    chunk_ids = string_array(list(prominence))
    places = pc.index_in(table.column("chunk_id"), value_set=chunk_ids)
    is_found = boolean_values(pc.is_valid(places))
    own = values[np.where(is_found, number_values(places), len(prominence))]
    of_topics = _topic_importance(table.column("labels").combine_chunks(), own)
    return np.asarray(own + TOPIC_SHARE * of_topics)


def _topic_importance(labels: pa.ListArray, own: Numbers) -> Numbers:
    """The mean importance of each row's labels, of which each is the mean of its rows."""
    encoded = labels.flatten().dictionary_encode()
    # An entry for each label of each row: the label's number, and the row's.
    label = number_values(encoded.indices)
    row = number_values(pc.list_parent_indices(labels))
    # At least 1, so that no sum is divided by 0: rows without labels have importance 0.
    rows_of_label = np.maximum(np.bincount(label, minlength=len(encoded.dictionary)), 1)
    label_importance = np.bincount(label, own[row], minlength=len(rows_of_label)) / rows_of_label
    sums = np.bincount(row, label_importance[label], minlength=len(own))
    labels_of_row = np.maximum(np.bincount(row, minlength=len(own)), 1)
    return np.asarray(sums / labels_of_row)
