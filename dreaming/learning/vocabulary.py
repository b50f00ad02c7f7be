"""Learning labels: words for the labels of bought chunks, so that free chunks get them too.

A label is learned, or gets more words, only where these words find it again in chunks of
conversations that were held out.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from operator import and_
from zlib import crc32

from dreaming.chunking.labels import grown_labels, label_words, shipped_labels

# A label must be on this many chunks, of this many conversations. With fewer, its words are chance,
# or those of one conversation.
FEWEST_CHUNKS = 8
FEWEST_CONVERSATIONS = 4
# A label on a larger share of the chunks distinguishes nothing.
LARGEST_SHARE = 0.3
# Bounds of the vocabulary that is learned, which every text is looked up in.
MOST_LABELS = 100
MOST_WORDS = 25
# A word must occur in this many conversations with the label: a word of one conversation, say a
# name, finds the label nowhere else.
FEWEST_WITH_WORD = 3
# A label that shares more than this part of its words with a learned one is another name for it.
SAME_WORDS = 0.5
# A word must be this many times as frequent in chunks with the label as in the others.
LEAST_LIFT = 5.0
# A learned label must be right this often on held-out chunks: a wrong one misleads filters.
LEAST_PRECISION = 0.6
FOLDS = 4


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A chunk that a better model labelled."""

    conversation_id: str
    labels: tuple[str, ...]
    counts: Mapping[str, int]
    """The counts of its topic words."""


def learn_labels(texts: Sequence[LabelledText]) -> dict[str, list[str]]:
    """Labels and their words; a label that comes with dreaming has only its additional words."""
    spellings = _choose_spellings(texts)
    true_labels = [{spellings[label] for label in text.labels} for text in texts]
    shipped_predictions = [label_words(text.counts) for text in texts]
    learned: dict[str, list[str]] = {}
    for label in _candidates(texts, true_labels):
        is_labelled = [label in labels for labels in true_labels]
        words = _characteristic_words(texts, is_labelled)
        if _is_another_name(words, learned):
            continue
        is_predicted = [label in labels for labels in shipped_predictions]
        before = _Counts.of(is_predicted, is_labelled)
        after = _count_held_out(label, texts, is_labelled)
        if after.precision >= LEAST_PRECISION and after.f1 > before.f1:
            learned[label] = words
    return learned


def _is_another_name(words: Sequence[str], learned: Mapping[str, Sequence[str]]) -> bool:
    """Whether a label with these words is another name for one that is learned already."""
    most_shared = SAME_WORDS * len(words)
    for learned_words in learned.values():
        shared = set(words).intersection(learned_words)
        if len(shared) > most_shared:
            return True
    return False


def _choose_spellings(texts: Sequence[LabelledText]) -> dict[str, str]:
    """One spelling for labels that differ in a plural alone.

    It is the label that comes with dreaming, else the most frequent one.
    """
    counts = Counter(label for text in texts for label in text.labels)
    shipped = {label for labels in shipped_labels().values() for label in labels}
    ranked = sorted(counts, key=lambda label: (label not in shipped, -counts[label], label))
    chosen: dict[str, str] = {}
    for label in ranked:
        chosen.setdefault(_singular(label), label)
    return {label: chosen[_singular(label)] for label in counts}


def _singular(label: str) -> str:
    # The final "s" of a short word is seldom a plural.
    return label.removesuffix("s") if len(label) > len("news") else label


def _candidates(texts: Sequence[LabelledText], labelled: Sequence[Collection[str]]) -> list[str]:
    """The labels that enough chunks and conversations have, the most frequent first."""
    chunks: Counter[str] = Counter()
    conversations: dict[str, set[str]] = {}
    for text, labels in zip(texts, labelled, strict=True):
        for label in labels:
            chunks[label] += 1
            conversations.setdefault(label, set()).add(text.conversation_id)
    candidates = []
    for label in sorted(chunks, key=lambda label: (-chunks[label], label)):
        is_frequent = FEWEST_CHUNKS <= chunks[label] <= LARGEST_SHARE * len(texts)
        if is_frequent and len(conversations[label]) >= FEWEST_CONVERSATIONS:
            candidates.append(label)
    return candidates[:MOST_LABELS]


def _characteristic_words(texts: Sequence[LabelledText], is_labelled: Sequence[bool]) -> list[str]:
    """The words that are far more frequent in chunks with the label, the best first."""
    within: Counter[str] = Counter()
    without: Counter[str] = Counter()
    conversations: dict[str, set[str]] = {}
    for text, has_label in zip(texts, is_labelled, strict=True):
        if not has_label:
            without.update(text.counts.keys())
            continue
        within.update(text.counts.keys())
        for word in text.counts:
            conversations.setdefault(word, set()).add(text.conversation_id)
    labelled = sum(is_labelled)
    others = len(texts) - labelled
    worth = {}
    for word, count in within.items():
        # One more chunk is counted as having the word, so that the lift of a word that no other
        # chunk has is finite.
        lift = count / labelled * (others + 2) / (without[word] + 1)
        if len(conversations[word]) >= FEWEST_WITH_WORD and lift >= LEAST_LIFT:
            worth[word] = count * log(lift)
    return sorted(worth, key=lambda word: (-worth[word], word))[:MOST_WORDS]


def _count_held_out(
    label: str, texts: Sequence[LabelledText], is_labelled: Sequence[bool]
) -> "_Counts":
    """How well words find the label in conversations that they were not learned from."""
    is_predicted = [False] * len(texts)
    for held_out in _folds([text.conversation_id for text in texts]):
        others = [n for n in range(len(texts)) if n not in held_out]
        other_texts = [texts[n] for n in others]
        words = _characteristic_words(other_texts, [is_labelled[n] for n in others])
        vocabulary = grown_labels({label: words})
        for n in held_out:
            is_predicted[n] = label in label_words(texts[n].counts, vocabulary)
    return _Counts.of(is_predicted, is_labelled)


def _folds(conversation_ids: Sequence[str]) -> Iterator[Collection[int]]:
    # By a hash of the id, so that all chunks of a conversation are held out together, and the same
    # ones in every run.
    folds = [crc32(conversation_id.encode()) % FOLDS for conversation_id in conversation_ids]
    for held_out in range(FOLDS):
        yield {n for n, fold in enumerate(folds) if fold == held_out}


@dataclass(frozen=True, slots=True)
class _Counts:
    """The texts with a label: those predicted rightly, all predicted, and all that have it."""

    right: int
    predicted: int
    true: int

    @classmethod
    def of(cls, is_predicted: Sequence[bool], is_labelled: Sequence[bool]) -> "_Counts":
        right = sum(map(and_, is_predicted, is_labelled))
        return cls(right, sum(is_predicted), sum(is_labelled))

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def f1(self) -> float:
        total = self.predicted + self.true
        return 2 * self.right / total if total else 0.0
