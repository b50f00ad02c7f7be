"""How many exchanges a second the segmenter cuts on one core, with words alone and with the
embedding.

From (speaker, text) pairs to topic boundaries. An exchange is what one side says and all that is
answered to it.
"""

from collections.abc import Sequence
from functools import partial
from statistics import median

from benchmarks.corpus import Corpus
from benchmarks.one_core import cpu_seconds, one_core
from benchmarks.result import Aim, Cell, Result
from dreaming.chunking.cohesion import number_exchanges
from dreaming.chunking.segment import read_turns, segment_turns
from dreaming.chunking.segmenter import Segmenter, shipped_segmenter
from dreaming.embedding import open_encoder
from dreaming.errors import ConfigurationError
from dreaming.learning.dialogues import by_dataset, read_dialogues

LANGUAGE_BYTES = 200_000
SET_TALKS = 40
"""Of a set of labelled talks."""
ROUNDS = 3
AIM_RULES, AIM_EMBEDDING = 5_000.0, 300.0
RULES, EMBEDDING = "rules", "with the embedding"

Talk = Sequence[tuple[str, str]]


def measure_segmenting(corpus: Corpus) -> Result:
    """Exchanges a second of each language of the corpus, and of the sets of labelled talks where
    there are any.
    """
    segmenters, notes = {RULES: shipped_segmenter()}, [f"Text: {corpus.source}."]
    try:
        segmenters[EMBEDDING] = shipped_segmenter(open_encoder())
    except ConfigurationError:
        notes.append('The embedding was skipped: not installed. pip install "dreaming[embedding]"')
    with one_core():
        rows = tuple(_row(name, talks, segmenters) for name, talks in _talks(corpus).items())
    return Result(
        name="segmenting",
        title="topic boundaries of talks, in exchanges a second on one core",
        rows=rows,
        aims=tuple(
            Aim(
                f"{aim:,.0f} exchanges/s, {name}: the slowest text",
                _slowest(rows, name),
                aim,
                at_most=False,
            )
            for name, aim in ((RULES, AIM_RULES), (EMBEDDING, AIM_EMBEDDING))
            if name in segmenters
        ),
        notes=tuple(notes),
    )


def _slowest(rows: Sequence[dict[str, Cell]], name: str) -> float:
    return min(float(row[name] or 0) for row in rows)


def _talks(corpus: Corpus) -> dict[str, list[Talk]]:
    talks: dict[str, list[Talk]] = {
        language: [
            [(m.role, m.content) for m in conversation.messages if m.content]
            for conversation in corpus.sample(language, LANGUAGE_BYTES)
        ]
        for language in corpus.by_language
    }
    if corpus.data is not None:
        sets = by_dataset(read_dialogues([corpus.data / "segmentation"]))
        talks |= {name: [dialogue.turns for dialogue in sets[name][:SET_TALKS]] for name in sets}
    return talks


def _row(name: str, talks: Sequence[Talk], segmenters: dict[str, Segmenter]) -> dict[str, Cell]:
    exchanges = sum(number_exchanges(read_turns(talk))[-1] + 1 for talk in talks)
    characters = sum(len(text) for talk in talks for _, text in talk)
    row: dict[str, Cell] = {
        "text": name,
        "exchanges": exchanges,
        "characters each": round(characters / exchanges),
    }
    for told, segmenter in segmenters.items():
        segment_turns(talks[0], segmenter)  # what is loaded once is no part of the speed
        seconds = [
            cpu_seconds(partial(_cut, talks, segmenter))
            for _ in range(ROUNDS if told == RULES else 1)
        ]
        row[told] = exchanges / median(seconds)
    return row


def _cut(talks: Sequence[Talk], segmenter: Segmenter) -> None:
    for talk in talks:
        segment_turns(talk, segmenter)
