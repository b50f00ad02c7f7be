"""Search by meaning, with the embedding switched on."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from dreaming.home import open_home
from dreaming.remembering.binary_embeddings import (
    DIMENSIONS,
    differing_bits,
    join_codes,
    likeness,
    to_codes,
    to_signs,
)
from dreaming.storage import tables
from dreaming.testing import make_conversation, make_settings

TALKS = {
    1: ["I adopted a puppy from the animal shelter.", "How lovely, what is it called?"],
    2: ["My bicycle has a flat tyre again.", "You could patch the inner tube."],
    3: ["我昨天去医院看了牙医。", "希望你的牙齿快点好起来。"],
}


@pytest.fixture(params=["sqlite", "postgresql"])
def home_with_meaning(request, tmp_path, clock):
    """The talks, a day each, indexed by meaning too."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    settings = replace(make_settings(tmp_path / "home", database_url=url), embedding=True)
    with open_home(settings, clock=clock) as home:
        for day, said in TALKS.items():
            at = datetime(2026, 3, day, 9, tzinfo=UTC)
            home.archive.add([make_conversation(said, conversation_id=f"c:{day}", at=at)])
            home.pipeline.run_day(at.date())
        yield home


def vocabulary(home):
    with home.index.database.read() as connection:
        return " ".join(connection.execute(sa.select(tables.vocabulary.c.terms)).scalars()).split()


@pytest.mark.parametrize(
    ("question", "day"),
    [
        ("Which dog do I have?", 1),
        ("Did anything break on my ride to the office?", 2),
        ("When did I see the dentist about my teeth?", 3),
        ("自行车轮胎坏了", 2),
    ],
)
def test_what_was_said_in_other_words_or_another_language_is_found(
    home_with_meaning, question, day
):
    """None of the question's words stands there."""
    assert home_with_meaning.memory.search(question)[0].chunk.day == date(2026, 3, day)


def test_a_memory_that_was_indexed_by_words_waits_to_be_indexed_by_meaning(tmp_path, clock):
    """It is found by its words until then, and a memory with meaning is also one with words."""
    settings = make_settings(tmp_path / "home")
    with open_home(settings, clock=clock) as home:
        home.archive.add([make_conversation(TALKS[1])])
        home.pipeline.run_day(date(2026, 3, 1))
    with open_home(replace(settings, embedding=True), clock=clock) as home:
        assert home.memory.search("puppy")
        assert home.pipeline.waiting_days() == [date(2026, 3, 1)]
        home.pipeline.run_day(date(2026, 3, 1))
        assert home.pipeline.waiting_days() == []
        assert home.memory.search("dog")
    with open_home(settings, clock=clock) as home:
        assert home.pipeline.waiting_days() == []
        assert home.memory.search("puppy")


def test_what_is_unchanged_is_not_encoded_again(home_with_meaning):
    """A day that is published again costs no time of the encoder."""
    encoder = home_with_meaning.index.encoder
    asked = []

    def encode(texts):
        asked.extend(texts)
        return encoder.encode(texts)

    home_with_meaning.index.encoder = encoder._replace(encode=encode)
    home_with_meaning.archive.add([make_conversation(["A new kite."], conversation_id="c:new")])
    home_with_meaning.pipeline.run_day(date(2026, 3, 1))
    assert asked == ["A new kite.", "new", "kite"]


def test_a_word_that_nothing_has_any_more_is_erased(home_with_meaning):
    """The vocabulary would tell it."""
    assert "puppi" in vocabulary(home_with_meaning)
    changed = make_conversation(
        ["Nothing."], conversation_id="c:1", updated_at=datetime(2026, 5, 1, tzinfo=UTC)
    )
    home_with_meaning.archive.add([changed])
    home_with_meaning.pipeline.run_day(date(2026, 3, 1))
    home_with_meaning.index.erase_deleted()
    assert "puppi" not in vocabulary(home_with_meaning)
    assert "bicycl" in vocabulary(home_with_meaning)
    assert home_with_meaning.memory.search("bike")[0].chunk.day == date(2026, 3, 2)


@given(st.integers(0, 2**32 - 1))
def test_the_signs_of_a_vector_tell_how_alike_it_is(seed):
    """Within what 512 bits can."""
    numbers = np.random.default_rng(seed)
    one, noise = numbers.standard_normal((2, DIMENSIONS)).astype(np.float32)
    other = one + numbers.uniform(0, 3) * noise
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    codes = to_codes(one[None])
    assert likeness(to_signs(codes), other)[0] == pytest.approx(float(one @ other), abs=0.15)
    bits = differing_bits(codes, to_codes(other[None])[0])[0]
    assert np.cos(np.pi * bits / DIMENSIONS) == pytest.approx(float(one @ other), abs=0.25)


def test_the_code_of_several_texts_is_what_most_of_them_have():
    """Bit by bit."""
    held = np.array([[0b1100_0000], [0b1010_0000], [0b1000_0001]], dtype=np.uint8).repeat(
        64, axis=1
    )
    assert join_codes(held.tobytes()) == bytes([0b1000_0000] * 64)
