"""A question -> the passages of the memory that answer it, best first.

Retrieval has two steps, so that the time of a question grows slowly with the memory:

1. Score every chunk at once by the question's rarer terms, and keep the best as candidates.
2. Score each passage of the candidates, and of the chunks next to them, by everything.

Chunks are addressed in two ways. A *row id* is a chunk's key in the table `indexed_chunks`: its
segment's id times `SEGMENT_CHUNKS`, plus its number in the segment. A *position* is its index in
arrays over all chunks of one search.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from dreaming.conversation import ConversationId
from dreaming.remembering.arrays import Bools, Floats, Vectors, number_in_runs, starts_of
from dreaming.remembering.binary_embeddings import (
    DIMENSIONS,
    differing_bits,
    read_codes,
    to_codes,
)
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.passages import HALF_WORDS, SIGNS, Voice
from dreaming.remembering.postings import SEGMENT_CHUNKS, PostingList, Postings, look_up_terms
from dreaming.remembering.ranking import (
    PassageTable,
    Positions,
    Question,
    inverse_frequencies,
    score_chunks,
    score_passages,
)
from dreaming.remembering.reader import IndexReader, RankingRow, SegmentColumns
from dreaming.remembering.words import count_words, words

# The second step reads a row and its passages for each candidate: its time grows with them. A
# search that asks for more chunks than this gets as many candidates as it asks for.
CANDIDATES = 160
"""Chunks whose passages are scored, at least."""

# The first step unpacks a term's postings whole. Common words would take most of its time in a
# large memory, and say little beside rarer ones. They still count in the second step.
MAX_POSTINGS = 100_000
"""Postings that the first step reads: those of the rarest terms, up to this many together."""

# A question of common words only would otherwise have no candidates.
MIN_TERMS = 2
"""The first step reads this many terms, however many postings they have."""

MESSAGES_IN_CONTEXT = 1
"""Number of best passages that are returned with their neighbours."""

_NEIGHBOURS = (-1, 0, 1)


@dataclass(frozen=True, slots=True)
class RankedPassages:
    """Passages that answer a question, best first: arrays of one item a passage."""

    row_id: Positions
    """The row of its chunk."""
    number: Positions
    """Its number in its chunk."""
    score: Floats
    words: Floats
    """Its length in words."""
    label_words: Floats
    """The length in words of the speaker's name."""
    next_to: tuple[tuple[int, ...], ...]
    """For each of the first passages: the ranks of the one after it and the one before it."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """The chunks that one search looks at."""

    segments: SegmentColumns
    bases: Positions
    """The position of each segment's first chunk."""
    is_wanted: Bools
    """Whether each chunk satisfies the filter."""

    def row_ids(self, positions: Positions) -> Positions:
        """The row ids of chunks."""
        segment = self.segment_of(positions)
        number_in_segment = positions - self.bases[segment]
        return self.segments.ids[segment] * SEGMENT_CHUNKS + number_in_segment

    def positions(self, row_ids: Positions) -> Positions:
        """The positions of rows; rows of other segments are left out."""
        segment_ids = row_ids // SEGMENT_CHUNKS
        order = np.argsort(self.segments.ids)
        sorted_ids = self.segments.ids[order]
        # An id above all others is given an index past the end; the comparison refuses it.
        slot = np.searchsorted(sorted_ids, segment_ids)
        slot = np.minimum(slot, len(sorted_ids) - 1)
        in_scope = sorted_ids[slot] == segment_ids
        segment = order[slot[in_scope]]
        positions: Positions = self.bases[segment] + row_ids[in_scope] % SEGMENT_CHUNKS
        return positions

    def segment_of(self, positions: Positions) -> Positions:
        """The index of each chunk's segment."""
        return np.searchsorted(self.bases, positions, side="right") - 1

    def with_neighbours(self, positions: Positions) -> Positions:
        """Chunks together with those before and after them in their segments, in order."""
        near = np.concatenate([positions + step for step in _NEIGHBOURS])
        segment = np.tile(self.segment_of(positions), len(_NEIGHBOURS))
        first = self.bases[segment]
        end = first + self.segments.sizes[segment]
        # The next position may be in another segment: another day or kind, so no neighbour.
        is_inside = (near >= first) & (near < end)
        return np.unique(near[is_inside])


def find_passages(
    reader: IndexReader,
    question: Question,
    wanted: ChunkFilter,
    *,
    excluded: Collection[ConversationId],
    least_chunks: int,
) -> RankedPassages | None:
    """The passages of the best chunks; None where no chunk has a term or date of the question.

    At least `least_chunks` chunks are ranked, where as many satisfy the filter.
    """
    scope = _open_scope(reader, wanted, excluded)
    if not len(scope.bases):
        return None
    lists = _look_up(reader, scope, question.terms)
    counts = {term: posting_list.count for term, posting_list in lists.items()}
    rarity = inverse_frequencies(counts, scope.segments.passage_count)
    postings = {term: lists[term].unpack() for term in _cheap_terms(lists)}
    chunk_scores = score_chunks(postings, rarity, scope.segments.lengths)
    count = max(CANDIDATES, least_chunks)
    candidates = _choose_candidates(reader, scope, question, chunk_scores, count)
    if not len(candidates):
        return None
    lists |= _look_up(
        reader,
        scope,
        _similar_terms(question) - lists.keys(),
        of=candidates,
    )
    # Common terms, and terms of similar meaning, are unpacked in the candidates' segments only.
    bases = np.unique(scope.bases[scope.segment_of(candidates)])
    for term in lists.keys() - postings.keys():
        postings[term] = lists[term].unpack(bases)
    return _rank(reader, scope, question, postings, rarity, chunk_scores, candidates)


def _open_scope(
    reader: IndexReader, wanted: ChunkFilter, excluded: Collection[ConversationId]
) -> _Scope:
    segments = reader.segments(wanted)
    scope = _Scope(segments, starts_of(segments.sizes), segments.wanted(wanted))
    if not len(scope.bases):
        return scope
    if wanted.labels:
        _keep_only(scope, reader.rows_of_labels(wanted.labels))
    if wanted.conversations:
        _keep_only(scope, reader.rows_of_conversations(wanted.conversations))
    if excluded:
        hidden = scope.positions(reader.rows_of_conversations(excluded))
        scope.is_wanted[hidden] = False
    return scope


def _keep_only(scope: _Scope, row_ids: Positions) -> None:
    """Want no chunk but those of these rows."""
    kept = np.zeros_like(scope.is_wanted)
    kept[scope.positions(row_ids)] = True
    np.logical_and(scope.is_wanted, kept, out=scope.is_wanted)


def _look_up(
    reader: IndexReader, scope: _Scope, terms: Collection[str], *, of: Positions | None = None
) -> dict[str, PostingList]:
    """The posting lists of terms, in all segments or in those of the chunks `of`."""
    segment = np.arange(len(scope.bases))
    if of is not None:
        segment = np.unique(scope.segment_of(of))
    ids = scope.segments.ids[segment].tolist()
    bases = scope.bases[segment].tolist()
    base_of_segment = dict(zip(ids, bases, strict=True))
    return look_up_terms(sorted(terms), reader.postings, base_of_segment)


def _cheap_terms(lists: Mapping[str, PostingList]) -> list[str]:
    """The rarest terms: `MIN_TERMS` of them, and more while they are within `MAX_POSTINGS`."""
    # The term breaks ties, so that a search is the same whenever it is repeated.
    rarest_first = sorted(
        lists,
        key=lambda term: (lists[term].count, term),
    )
    cheap: list[str] = []
    posting_count = 0
    for term in rarest_first:
        posting_count += lists[term].count
        if len(cheap) >= MIN_TERMS and posting_count > MAX_POSTINGS:
            break
        cheap.append(term)
    return cheap


def _similar_terms(question: Question) -> set[str]:
    similar: set[str] = set()
    for terms in question.alike.values():
        similar.update(terms)
    return similar


def _choose_candidates(
    reader: IndexReader, scope: _Scope, question: Question, chunk_scores: Floats, count: int
) -> Positions:
    """The best chunks by terms and date and, where there is an encoder, the nearest in meaning."""
    scores = _add_date_scores(scope, question, chunk_scores)
    best = _best(scores, scope.is_wanted, count)
    if question.vector is None:
        return best
    nearness = _nearness(reader, scope, question.vector)
    return np.union1d(best, _best(nearness, scope.is_wanted, count))


def _add_date_scores(scope: _Scope, question: Question, chunk_scores: Floats) -> Floats:
    """The scores of chunks by terms and by the date that the question names."""
    if not question.dates:
        return chunk_scores
    scores = chunk_scores.copy()
    starts = scope.bases.tolist()
    ends = (scope.bases + scope.segments.sizes).tolist()
    for day, start, end in zip(scope.segments.days, starts, ends, strict=True):
        match = question.dates.match(day)
        if not match:
            continue
        of_day = scores[start:end]
        # A chunk without a term of the question counts only when all of the date matches: "May
        # 2023" must not make a candidate of every chunk of 2023, nor of every other May.
        is_scored = (of_day > 0) | (match >= 1)
        of_day[is_scored] += question.weights.date * match
    return scores


def _nearness(reader: IndexReader, scope: _Scope, vector: Vectors) -> Floats:
    """Number of bits that each chunk's code shares with the question's; 0 without a code."""
    codes = reader.codes(scope.segments)
    [question_code] = to_codes(vector[None])
    shared_bits = DIMENSIONS - differing_bits(codes, question_code)
    has_code = codes.any(axis=1)
    return np.where(has_code, shared_bits, 0).astype(float)


def _best(scores: Floats, is_wanted: Bools, count: int) -> Positions:
    """The `count` wanted chunks with the best scores above 0, or fewer; in order of position."""
    scored = np.flatnonzero((scores > 0) & is_wanted)
    if len(scored) <= count:
        return scored
    candidates = scores[scored]
    rank = len(candidates) - count
    # A partition finds the lowest score that is kept without sorting the memory.
    threshold = np.partition(candidates, rank)[rank]
    better = scored[candidates > threshold]
    equal = scored[candidates == threshold]
    # Segments are in order of day, the newest first: of equal chunks the newer are kept.
    return np.sort(np.append(better, equal[: count - len(better)]))


def _rank(
    reader: IndexReader,
    scope: _Scope,
    question: Question,
    postings: Mapping[str, Postings],
    rarity: Mapping[str, float],
    chunk_scores: Floats,
    candidates: Positions,
) -> RankedPassages:
    """The passages of the candidates, best first."""
    # Neighbours are read for the windows around the first and last passages of a candidate.
    near = scope.with_neighbours(candidates)
    position_of = dict(zip(scope.row_ids(near).tolist(), near.tolist(), strict=True))
    rows = reader.rows(list(position_of))
    # The reader returns rows by row id; positions go from the newest day to the oldest.
    rows.sort(key=lambda row: position_of[row.row_id])
    positions = np.array([position_of[row.row_id] for row in rows])
    passages, label_words = _tabulate(rows, positions, scope, question)
    scores = score_passages(question, passages, postings, rarity, chunk_scores[passages.chunk])
    is_candidate = np.isin(passages.chunk, candidates)
    return _sort_by_score(passages, scores, label_words, is_candidate, scope)


def _tabulate(
    rows: Sequence[RankingRow], positions: Positions, scope: _Scope, question: Question
) -> tuple[PassageTable, Floats]:
    """The passages of rows as arrays, and the length of each speaker's name in words."""
    signs = np.frombuffer(
        b"".join(row.signs for row in rows),
        SIGNS,
    )
    passage_counts = np.array([len(row.signs) // SIGNS.itemsize for row in rows])
    voice_counts = np.array([len(row.voices) for row in rows])
    voices = [voice for row in rows for voice in row.voices]
    # A passage numbers its voice within its row: this is its index among the voices of all rows.
    voice = np.repeat(starts_of(voice_counts), passage_counts) + signs["voice"]
    names, name_of_voice = _number_names(voices)
    label_words = np.array([_label_words(of_voice) for of_voice in voices])
    matches = _match_dates(scope, positions, question)
    passages = PassageTable(
        chunk=np.repeat(positions, passage_counts),
        number=number_in_runs(passage_counts),
        talk=np.repeat(_talks(rows, positions), passage_counts),
        voice=name_of_voice[voice],
        length=signs["length"].astype(np.float64),
        asks=signs["asks"].astype(bool),
        tells_time=signs["tells_time"].astype(bool),
        date_match=np.repeat(matches, passage_counts),
        names=tuple(frozenset(words(name)) for name in names),
        codes=read_codes(b"".join(row.codes for row in rows)),
    )
    return passages, label_words[voice]


def _number_names(voices: Sequence[Voice]) -> tuple[list[str], Positions]:
    """The different names of voices, and the index of each voice's name; -1 without a name."""
    numbers: dict[str, int] = {}
    of_voice = []
    for voice in voices:
        number = numbers.setdefault(voice.name, len(numbers)) if voice.name else -1
        of_voice.append(number)
    return list(numbers), np.array(of_voice)


def _match_dates(scope: _Scope, positions: Positions, question: Question) -> Floats:
    """How far each chunk's day matches the date of the question, 0 to 1."""
    if not question.dates:
        return np.zeros(len(positions))
    segments = scope.segment_of(positions).tolist()
    days = [scope.segments.days[segment] for segment in segments]
    return np.array([question.dates.match(day) for day in days])


def _talks(rows: Sequence[RankingRow], positions: Positions) -> Positions:
    """A number for each row: equal for neighbouring chunks of one conversation."""
    has_gap = np.diff(positions) != 1
    is_other = [row.conversation_id != before.conversation_id for before, row in pairwise(rows)]
    begins_talk = has_gap | np.array(is_other, dtype=bool)
    return np.concatenate([[0], np.cumsum(begins_talk)])


# Names repeat from chunk to chunk, and counting the words of one means to analyse it.
@lru_cache(10_000)
def _label_words(voice: Voice) -> float:
    return count_words(str(voice))


def _sort_by_score(
    passages: PassageTable,
    scores: Floats,
    label_words: Floats,
    is_candidate: Bools,
    scope: _Scope,
) -> RankedPassages:
    """The passages of candidates, best first; those of their neighbours are left out."""
    candidates = np.flatnonzero(is_candidate)
    # A stable sort: equal scores keep the order of position, the newer day first.
    order = candidates[np.argsort(-scores[candidates], kind="stable")]
    return RankedPassages(
        row_id=scope.row_ids(passages.chunk[order]),
        number=passages.number[order],
        score=scores[order],
        words=passages.length[order] / HALF_WORDS,
        label_words=label_words[order],
        next_to=_neighbour_ranks(order, passages.talk),
    )


def _neighbour_ranks(order: Positions, talk: Positions) -> tuple[tuple[int, ...], ...]:
    """The ranks of the passages after and before each of the best, in the same talk."""
    rank_of = {passage: rank for rank, passage in enumerate(order.tolist())}
    next_to = []
    for passage in order[:MESSAGES_IN_CONTEXT].tolist():
        # The passage after comes first: a message that follows a question is likely its answer.
        near = [place for place in (passage + 1, passage - 1) if place in rank_of]
        ranks = [rank_of[place] for place in near if talk[place] == talk[passage]]
        next_to.append(tuple(ranks))
    return tuple(next_to)
