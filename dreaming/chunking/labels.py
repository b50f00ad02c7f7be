"""Topic labels of a chunk: the same names in every language, from a vocabulary of telling words
that may grow.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from dreaming.chunking.vocabulary import VOCABULARY

MOST_LABELS = 5
LEAST_HITS = 2
"""One word is chance."""
MOST_HITS_PER_WORD = 3
"""A word that is said over and over speaks for its label no louder than this."""
LEAST_SHARE = 0.2
"""A label with less than this of the hits of the first is left out."""


LabelsByWord = Mapping[str, tuple[str, ...]]
"""What labels each telling word speaks for."""


def label_words(
    counts: Mapping[str, int], labels_by_word: LabelsByWord | None = None
) -> tuple[str, ...]:
    """The labels of a text with these counts of topic words: up to 5, the clearest first; none
    rather than noise.

    `labels_by_word` takes the place of the vocabulary that comes with dreaming.
    """
    labels_by_word = shipped_labels() if labels_by_word is None else labels_by_word
    hits: dict[str, int] = {}
    for word in filter(labels_by_word.__contains__, counts):
        for label in labels_by_word[word]:
            hits[label] = hits.get(label, 0) + min(counts[word], MOST_HITS_PER_WORD)
    ranked = sorted(hits.items(), key=lambda item: (-item[1], item[0]))[:MOST_LABELS]
    return tuple(
        label for label, hit in ranked if hit >= max(LEAST_HITS, LEAST_SHARE * ranked[0][1])
    )


@cache
def shipped_labels() -> LabelsByWord:
    """The vocabulary that comes with dreaming."""
    words = {
        label: {form for word in words.split() for form in _forms(word)}
        for label, words in VOCABULARY.items()
    }
    return _index({}, words)


def grown_labels(learned: Mapping[str, Sequence[str]]) -> LabelsByWord:
    """The vocabulary that comes with dreaming, and the telling
    words of labels that were learned.
    """
    return _index(shipped_labels(), learned)


def _index(labels_by_word: LabelsByWord, words: Mapping[str, Iterable[str]]) -> LabelsByWord:
    found = dict(labels_by_word)
    for label, telling in words.items():
        for word in telling:
            found[word] = tuple(dict.fromkeys((*found.get(word, ()), label)))
    return found


def _forms(word: str) -> tuple[str, ...]:
    """A word and, in English, its plural."""
    if not word.isascii() or word.endswith("s"):
        return (word,)
    return (
        (word, word[:-1] + "ies")
        if word.endswith("y") and word[-2] not in "aeiou"
        else (word, word + "s")
    )
