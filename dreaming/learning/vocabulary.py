"""Learning labels: the words that tell a label which bought chunks have, so that free chunks get it
too.

A label is learned, or gets further words, where that finds it again in chunks of conversations that
were held out.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from zlib import crc32

from dreaming.chunking.labels import grown_labels, label_words, shipped_labels

FEWEST_CHUNKS, FEWEST_CONVERSATIONS = 8, 4
"""That must have a label: fewer are chance, or the words of one talk."""
LARGEST_SHARE = 0.3
"""Of the chunks: what is said of more of them tells nothing."""
MOST_LABELS, MOST_WORDS = 100, 25
FEWEST_WITH_WORD = 3
"""Conversations that must have a word: what one alone says is told of nobody else's."""
SAME_WORDS = 0.5
"""A label that shares more of its words with one that is learned already is another name for it."""
LEAST_LIFT = 5.0
"""How many times as often a telling word is in chunks with the label as in the others."""
LEAST_PRECISION = 0.6
FOLDS = 4


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A chunk that a better model labelled."""

    conversation_id: str
    labels: tuple[str, ...]
    counts: Mapping[str, int]
    """Of its topic words."""


def learn_labels(texts: Sequence[LabelledText]) -> dict[str, list[str]]:
    """Labels and the words that tell them; those that are shipped with the further words, if these
    help.
    """
    spelled = _one_spelling(texts)
    labelled = [{spelled[label] for label in text.labels} for text in texts]
    found_before = [label_words(text.counts) for text in texts]
    learned: dict[str, list[str]] = {}
    for label in _candidates(texts, labelled):
        having = [label in labels for labels in labelled]
        words = _telling_words(texts, having)
        if any(
            len(set(words) & set(other)) > SAME_WORDS * len(words) for other in learned.values()
        ):
            continue
        before = _Found.of([label in found for found in found_before], having)
        after = _found_again(label, texts, having)
        if after.precision >= LEAST_PRECISION and after.f1 > before.f1:
            learned[label] = words
    return learned


def _one_spelling(texts: Sequence[LabelledText]) -> dict[str, str]:
    """Each label as it is spelled most often among those that differ in a plural alone; a shipped
    label wins.
    """
    said = Counter(label for text in texts for label in text.labels)
    shipped = {label for labels in shipped_labels().values() for label in labels}
    ranked = sorted(said, key=lambda label: (label not in shipped, -said[label], label))
    chosen: dict[str, str] = {}
    for label in ranked:
        chosen.setdefault(_singular(label), label)
    return {label: chosen[_singular(label)] for label in said}


def _singular(label: str) -> str:
    return label.removesuffix("s") if len(label) > len("news") else label


def _candidates(texts: Sequence[LabelledText], labelled: Sequence[Collection[str]]) -> list[str]:
    chunks: Counter[str] = Counter()
    conversations: dict[str, set[str]] = {}
    for text, labels in zip(texts, labelled, strict=True):
        for label in labels:
            chunks[label] += 1
            conversations.setdefault(label, set()).add(text.conversation_id)
    return [
        label
        for label, count in sorted(chunks.items(), key=lambda item: (-item[1], item[0]))
        if FEWEST_CHUNKS <= count <= LARGEST_SHARE * len(texts)
        and len(conversations[label]) >= FEWEST_CONVERSATIONS
    ][:MOST_LABELS]


def _telling_words(texts: Sequence[LabelledText], having: Sequence[bool]) -> list[str]:
    """The words that chunks with the label have far more often than the others, the most telling
    first.
    """
    within: Counter[str] = Counter()
    without: Counter[str] = Counter()
    said_in: dict[str, set[str]] = {}
    for text, has in zip(texts, having, strict=True):
        (within if has else without).update(text.counts.keys())
        for word in text.counts if has else ():
            said_in.setdefault(word, set()).add(text.conversation_id)
    count = sum(having)
    others = len(texts) - count
    worth = {}
    for word, number in within.items():
        lift = number / count * (others + 2) / (without[word] + 1)
        if len(said_in[word]) >= FEWEST_WITH_WORD and lift >= LEAST_LIFT:
            worth[word] = number * log(lift)
    return sorted(worth, key=lambda word: (-worth[word], word))[:MOST_WORDS]


def _found_again(label: str, texts: Sequence[LabelledText], having: Sequence[bool]) -> "_Found":
    """How the words find the label in conversations that they were not learned from."""
    found = [False] * len(texts)
    for held_out in _folds([text.conversation_id for text in texts]):
        others = [n for n in range(len(texts)) if n not in held_out]
        words = _telling_words([texts[n] for n in others], [having[n] for n in others])
        vocabulary = grown_labels({label: words})
        for n in held_out:
            found[n] = label in label_words(texts[n].counts, vocabulary)
    return _Found.of(found, having)


def _folds(conversation_ids: Sequence[str]) -> Iterator[Collection[int]]:
    folds = [crc32(conversation_id.encode()) % FOLDS for conversation_id in conversation_ids]
    for held_out in range(FOLDS):
        yield {n for n, fold in enumerate(folds) if fold == held_out}


@dataclass(frozen=True, slots=True)
class _Found:
    """How often a label was found where it is, found at all, and is there."""

    right: int
    found: int
    true: int

    @classmethod
    def of(cls, found: Sequence[bool], having: Sequence[bool]) -> "_Found":
        return cls(
            sum(f and h for f, h in zip(found, having, strict=True)), sum(found), sum(having)
        )

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.found + self.true) if self.found + self.true else 0.0
