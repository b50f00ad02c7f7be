"""Whether what was said is found: questions whose evidence is known, and what each part of the
ranking is worth.

A share of the messages that answer, among the first so many words of what is found (ev@B), is a
mean over questions. The data are LoCoMo's (Maharana et al. 2024, for research only), where a folder
has them: `locomo/conversations.jsonl` and `locomo/questions.jsonl`. Each of its pairs of people has
a memory of its own.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.corpus import Corpus
from benchmarks.result import Aim, Cell, Result
from dreaming.conversation import ConversationDay, MessageId
from dreaming.embedding import open_encoder
from dreaming.errors import ConfigurationError
from dreaming.home import Home, open_home
from dreaming.importing import ImportReport, read_exports
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.passages import read_passages
from dreaming.remembering.ranking import BY_MEANING_TOO, BY_WORDS, Weights
from dreaming.remembering.retrieval import find_passages
from dreaming.remembering.search import Hit
from dreaming.remembering.words import count_words
from dreaming.testing import make_settings

BUDGETS = (500, 1_000, 2_000)
MOST_HITS = 50
ENOUGH = 0.8
"""Of a message's words, to have it found."""
TRAPS = "adversarial"
"""Questions that nothing answers are left out."""
AIMS = {"words": (0.82, 0.87, 0.90, 0.66), "meaning too": (0.85, 0.895, 0.93, 0.72)}
"""ev@500/1000/2000 of all questions, and ev@1000 of those that take several messages."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the messages that answer it."""

    text: str
    category: str
    evidence: frozenset[MessageId]


Reading = Sequence[tuple[MessageId, str]]
"""What is read for a question, in order: pieces of messages."""
Reader = Callable[[Home, str], Mapping[int, Reading]]
"""What is read for a question, for each budget of words."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one ranking, by fold (a memory) and category: the ev@B of each question."""

    of: dict[tuple[str, str], list[list[float]]]

    def mean(self, budget: int, *, category: str | None = None, fold: str | None = None) -> float:
        """ev@B over questions."""
        at = BUDGETS.index(budget)
        return mean(
            shares[at]
            for (own_fold, own_category), questions in self.of.items()
            if category in (None, own_category) and fold in (None, own_fold)
            for shares in questions
        )

    @property
    def folds(self) -> list[str]:
        """The memories."""
        return sorted({fold for fold, _ in self.of})


def measure_finding(corpus: Corpus) -> Result:
    """ev@B of the hits, of what fills a budget, and of rankings without one part."""
    data = corpus.data / "locomo" if corpus.data else None
    title = "messages that answer, within so many words of what is found"
    if data is None or not data.is_dir():
        nothing: dict[str, Cell] = {"reading": "skipped", "ev@1000": None}
        return Result(
            "finding",
            title,
            (nothing,),
            notes=("Skipped: no folder with `locomo`. Give one with --data.",),
        )
    modes = {"words": BY_WORDS} | ({"meaning too": BY_MEANING_TOO} if _has_encoder() else {})
    with TemporaryDirectory(prefix="dreaming-finding-") as folder:
        memories = dict(_build(data, Path(folder), embedding=len(modes) > 1))
        scores = {
            (mode, name): _score(memories, reader, embedding=weights is BY_MEANING_TOO)
            for mode, weights in modes.items()
            for name, reader in _readers(weights).items()
        }
    rows = tuple(
        _row(mode, name, score, scores[mode, "ranking"]) for (mode, name), score in scores.items()
    )
    notes: tuple[str, ...] = (
        "Each part's weight set to nothing, the others as they are; folds: one memory each.",
    )
    if len(modes) == 1:
        notes += ('The embedding was skipped: not installed. pip install "dreaming[embedding]"',)
    return Result("finding", title, rows, aims=tuple(_aims(modes, scores)), notes=notes)


def _has_encoder() -> bool:
    try:
        open_encoder()
    except ConfigurationError:
        return False
    return True


def _readers(weights: Weights) -> dict[str, Reader]:
    """What is measured: the ranking itself, what people get, and the ranking without each of its
    parts.
    """
    parts = [field.name for field in fields(Weights) if getattr(weights, field.name)]
    without = {f"without {part}": _ranked(replace(weights, **{part: 0.0})) for part in parts}
    return {"ranking": _ranked(weights), "hits": _hits, "budget": _filled} | without


def _ranked(weights: Weights) -> Reader:
    def read(home: Home, query: str) -> Mapping[int, Reading]:
        with home.index.read() as reader:
            question = replace(home.memory.understand(query, reader), weights=weights)
            found = find_passages(reader, question, ChunkFilter(), excluded=(), least_chunks=1)
            if found is None:
                return _in_any_budget(())
            chunks = {
                row: one.chunk
                for row, one in reader.spoken(sorted(set(found.row_id.tolist()))).items()
            }
        passages = {row: read_passages(chunk) for row, chunk in chunks.items()}
        pieces = [
            passages[row][n]
            for row, n in zip(found.row_id.tolist(), found.number.tolist(), strict=True)
        ]
        return _in_any_budget([(piece.span.message_id, piece.text) for piece in pieces])

    return read


def _hits(home: Home, query: str) -> Mapping[int, Reading]:
    return _in_any_budget(_said(home.memory.search(query, limit=MOST_HITS)))


def _filled(home: Home, query: str) -> Mapping[int, Reading]:
    return {budget: _said(home.memory.search(query, budget_words=budget)) for budget in BUDGETS}


def _in_any_budget(reading: Reading) -> Mapping[int, Reading]:
    return {budget: reading for budget in BUDGETS}  # noqa: C420 - never written to


def _said(hits: Sequence[Hit]) -> Reading:
    return [(said.span.message_id, said.text) for hit in hits for said in hit.said]


def _score(
    memories: dict[str, tuple[Path, list[Asked]]], reader: Reader, *, embedding: bool
) -> Score:
    of = defaultdict[tuple[str, str], list[list[float]]](list)
    for fold, (folder, questions) in memories.items():
        settings = replace(make_settings(folder), embedding=embedding, remember_queries=False)
        with open_home(settings, folders=(), sources=()) as home:
            said = _messages(home)
            for asked in questions:
                if evidence := asked.evidence & said.keys():
                    answers = {message: said[message] for message in evidence}
                    readings = reader(home, asked.text).items()
                    of[fold, asked.category].append(
                        [_share(reading, budget, answers) for budget, reading in readings]
                    )
    return Score(dict(of))


def _share(reading: Reading, budget: int, evidence: dict[MessageId, float]) -> float:
    """The share of some messages, of so many words each, that is read within a budget."""
    left, read = float(budget), defaultdict[MessageId, float](float)
    for message_id, text in reading:
        words = min(count_words(text), left)
        read[message_id] += words
        left -= words
        if left <= 0:
            break
    return mean(read[message_id] >= ENOUGH * words for message_id, words in evidence.items())


def _messages(home: Home) -> dict[MessageId, float]:
    """How many words each message has."""
    return {
        message.id: count_words(message.content)
        for day in home.store.days("raw_conversations")
        for row in _rows(home, day)
        for message in row.messages
    }


def _rows(home: Home, day: date) -> list[ConversationDay]:
    with home.store.open_conversations(day) as raw:
        return list(raw.rows())


def _build(
    data: Path, folder: Path, *, embedding: bool
) -> Iterator[tuple[str, tuple[Path, list[Asked]]]]:
    """A memory for each pair of people, and the questions about it."""
    talks, questions = defaultdict[str, list[str]](list), defaultdict[str, list[Asked]](list)
    for line in (data / "conversations.jsonl").read_text().splitlines():
        talks[json.loads(line)["sample_id"]].append(line)
    for line in (data / "questions.jsonl").read_text().splitlines():
        asked = json.loads(line)
        if asked["category"] != TRAPS:
            one = Asked(
                asked["question"], asked["category"], frozenset(map(MessageId, asked["evidence"]))
            )
            questions[asked["sample_id"]].append(one)
    for name, lines in sorted(talks.items()):
        export = folder / f"{name}.jsonl"
        export.write_text("\n".join(lines))
        settings = replace(make_settings(folder / name), embedding=embedding)
        with open_home(settings, folders=(), sources=()) as home:
            home.archive.add(read_exports([export], ImportReport()))
            for day in home.pipeline.waiting_days():
                home.pipeline.run_day(day)
        yield name, (folder / name, questions[name])


def _row(mode: str, name: str, score: Score, whole: Score) -> dict[str, Cell]:
    worse = sum(score.mean(1_000, fold=fold) < whole.mean(1_000, fold=fold) for fold in whole.folds)
    return {
        "by": mode,
        "reading": name,
        **{f"ev@{budget}": score.mean(budget) for budget in BUDGETS},
        "several @1000": score.mean(1_000, category="multi_hop"),
        "worse in": f"{worse} of {len(whole.folds)}" if name.startswith("without") else "",
    }


def _aims(modes: dict[str, Weights], scores: dict[tuple[str, str], Score]) -> Iterator[Aim]:
    for mode in modes:
        *overall, several = AIMS[mode]
        score = scores[mode, "budget"]
        for budget, bound in zip(BUDGETS, overall, strict=True):
            yield Aim(
                f"ev@{budget} by {mode} at least {bound:g}",
                score.mean(budget),
                bound,
                at_most=False,
            )
        found = scores[mode, "ranking"].mean(1_000, category="multi_hop")
        yield Aim(
            f"ev@1000 of several messages by {mode} at least {several:g}",
            found,
            several,
            at_most=False,
        )
