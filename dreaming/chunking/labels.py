"""Topic labels of a chunk, from a vocabulary that may grow; the same names in every language."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from dreaming.chunking.vocabulary import VOCABULARY

# Bounds the column `labels`; the prompt's schema allows as many from a model.
MOST_LABELS = 5
# With 1, any single word of the vocabulary would give a label, which is often chance.
LEAST_HITS = 2
# A word that is repeated many times counts as often as this: otherwise it alone would decide.
MOST_HITS_PER_WORD = 3
# A label with a smaller share of the hits of the best label is left out.
LEAST_SHARE = 0.2


LabelsByWord = Mapping[str, tuple[str, ...]]
"""The labels that each word of the vocabulary counts for."""


def label_words(
    counts: Mapping[str, int], labels_by_word: LabelsByWord | None = None
) -> tuple[str, ...]:
    """Up to 5 labels of a text by the counts of its topic words, those with most hits first.

    Empty where the words point to no label. `labels_by_word` replaces the vocabulary that comes
    with dreaming.
    """
    if labels_by_word is None:
        labels_by_word = shipped_labels()
    hits: dict[str, int] = {}
    for word in filter(labels_by_word.__contains__, counts):
        word_hits = min(counts[word], MOST_HITS_PER_WORD)
        for label in labels_by_word[word]:
            hits[label] = hits.get(label, 0) + word_hits
    if not hits:
        return ()
    threshold = max(LEAST_HITS, LEAST_SHARE * max(hits.values()))
    # By name where hits are equal: the order must not depend on the order of words.
    ranked = sorted(hits, key=lambda label: (-hits[label], label))
    return tuple(label for label in ranked[:MOST_LABELS] if hits[label] >= threshold)


@cache
def shipped_labels() -> LabelsByWord:
    """The vocabulary that comes with dreaming."""
    words_by_label: dict[str, set[str]] = {}
    for label, words in VOCABULARY.items():
        words_by_label[label] = set()
        for word in words.split():
            words_by_label[label].update(_forms(word))
    return _with_words({}, words_by_label)


def grown_labels(learned: Mapping[str, Sequence[str]]) -> LabelsByWord:
    """The vocabulary that comes with dreaming, with the words of `learned` labels added."""
    return _with_words(shipped_labels(), learned)


def _with_words(
    labels_by_word: LabelsByWord, words_by_label: Mapping[str, Iterable[str]]
) -> LabelsByWord:
    # A copy: the shipped vocabulary is cached and shared.
    grown = dict(labels_by_word)
    for label, words in words_by_label.items():
        for word in words:
            labels = grown.get(word, ())
            if label not in labels:
                grown[word] = (*labels, label)
    return grown


def _forms(word: str) -> tuple[str, ...]:
    """A word and, in English, its plural."""
    if not word.isascii() or word.endswith("s"):
        return (word,)
    if word.endswith("y") and word[-2] not in "aeiou":
        return (word, word[:-1] + "ies")
    return (word, word + "s")
