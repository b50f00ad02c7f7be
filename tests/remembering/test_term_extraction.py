"""Many texts at once are analysed as each by itself."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreaming.remembering.term_extraction import extract_terms
from dreaming.remembering.words import analyse, fold

WRITTEN = (
    "Paintings",
    "painted 3 naïve_cafés",
    "我们去京都。",
    "東京タワーへ行った",
    "안녕하세요",
    "ภาษาไทย",
    "々",
    "",
    "\n",
    "𠮷野家",
)
texts = st.lists(st.one_of(st.sampled_from(WRITTEN), st.text(max_size=30)).map(fold), max_size=8)


def found_in(folded):
    """The terms of each text, and how long it is."""
    terms = extract_terms(folded)
    found = [Counter() for _ in folded]
    for number, text in zip(terms.numbers.tolist(), terms.texts.tolist(), strict=True):
        found[text][terms.vocabulary[number]] += 1
    return list(zip(found, terms.half_words.tolist(), strict=True))


@given(texts)
def test_terms_and_lengths_are_those_of_each_text_by_itself(folded):
    """Whatever stands beside it."""
    assert found_in(folded) == [
        (Counter(analyse(text).terms), analyse(text).half_words) for text in folded
    ]


@given(texts)
def test_a_term_is_in_the_vocabulary_once(folded):
    """It has one number, and all of them stand somewhere."""
    terms = extract_terms(folded)
    assert len(set(terms.vocabulary)) == len(terms.vocabulary)
    assert sorted(set(terms.numbers.tolist())) == list(range(len(terms.vocabulary)))


@pytest.mark.parametrize("folded", [[], [""], ["", ""]])
def test_texts_without_a_word_have_no_term(folded):
    """Nor does no text."""
    assert found_in(folded) == [(Counter(), 0)] * len(folded)
