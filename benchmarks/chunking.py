"""How fast conversations become basic chunks on one core, beside other people's chunkers on the
same text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from statistics import median

from benchmarks.corpus import Corpus, Language, text_bytes
from benchmarks.one_core import cpu_seconds, one_core
from benchmarks.peers import PEERS, Peer
from benchmarks.result import Aim, Cell, Result
from dreaming.chunking.rules import RulesChunker
from dreaming.conversation import Conversation
from dreaming.testing import make_day

LANGUAGE_BYTES = 200_000
"""Text a language: enough for a steady figure, little enough for a semantic peer to end within a
minute.
"""

ROUNDS = 3
REPEATS = 3
"""Ours is so short a piece of work that each round does it several times."""

OURS = "dreaming"
AIM_MB_PER_SECOND = 2.0
AIM_TIMES_SEMANTIC = 20.0

_DAY, _NOW = date(2026, 3, 1), datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(slots=True)
class _Speeds:
    """MB per CPU second of each chunker, a figure a round; rounds pair up, because all take turns
    in each.
    """

    by_name: dict[str, list[float]] = field(default_factory=dict)

    def times(self, name: str) -> float:
        """How many times as fast as `name` ours is: the median over the rounds."""
        return median(
            ours / theirs
            for ours, theirs in zip(self.by_name[OURS], self.by_name[name], strict=True)
        )


def measure_chunking(corpus: Corpus) -> Result:
    """Measure ours and every peer that is installed, in each language there is text in."""
    peers = [peer for peer in PEERS if not peer.missing]
    with one_core():
        speeds = {language: _measure(corpus, language, peers) for language in corpus.by_language}
    return Result(
        name="chunking",
        title="raw -> basic chunks with all metadata, beside chonkie's chunkers; MB/s of message "
        "text on one core",
        rows=tuple(_row(language, measured, peers) for language, measured in speeds.items()),
        aims=(_speed_aim(speeds), *_peer_aims(speeds, peers)),
        notes=(f"Text: {corpus.source}.", *(_skipped(peer) for peer in PEERS if peer.missing)),
    )


def _measure(corpus: Corpus, language: Language, peers: Sequence[Peer]) -> _Speeds:
    conversations = corpus.sample(language, LANGUAGE_BYTES)
    megabytes = sum(map(text_bytes, conversations)) / 1e6
    work = {OURS: (_ours(conversations), REPEATS)} | _theirs(conversations, peers)
    speeds = _Speeds({name: [] for name in work})
    for do, _ in work.values():
        do(1)  # caches, lazy imports and tables are no part of the speed
    for _ in range(ROUNDS):
        for name, (do, repeats) in work.items():
            seconds = cpu_seconds(partial(do, repeats))
            speeds.by_name[name].append(megabytes * repeats / seconds)
    return speeds


def _ours(conversations: Sequence[Conversation]) -> Callable[[int], None]:
    chunker, days = RulesChunker(), [make_day(conversation, _DAY) for conversation in conversations]

    def chunk(repeats: int) -> None:
        for _ in range(repeats):
            for day in days:
                chunker.chunk(day, created_at=_NOW)

    return chunk


def _theirs(
    conversations: Sequence[Conversation], peers: Sequence[Peer]
) -> dict[str, tuple[Callable[[int], None], int]]:
    texts = ["\n".join(m.content for m in conversation.messages) for conversation in conversations]
    return {peer.name: (_over(peer.make(texts), texts), 1) for peer in peers}


def _over(chunk: Callable[[str], object], texts: Sequence[str]) -> Callable[[int], None]:
    def chunk_all(repeats: int) -> None:
        for _ in range(repeats):
            for text in texts:
                chunk(text)

    return chunk_all


def _row(language: Language, speeds: _Speeds, peers: Sequence[Peer]) -> dict[str, Cell]:
    row: dict[str, Cell] = {"text": language}
    row |= {name: median(measured) for name, measured in speeds.by_name.items()}
    return row | {
        f"times {peer.name}": speeds.times(peer.name) for peer in peers if peer.is_semantic
    }


def _speed_aim(speeds: dict[Language, _Speeds]) -> Aim:
    slowest = min(median(measured.by_name[OURS]) for measured in speeds.values())
    return Aim(
        f"{AIM_MB_PER_SECOND:g} MB/s in the slowest language",
        slowest,
        bound=AIM_MB_PER_SECOND,
        at_most=False,
    )


def _peer_aims(speeds: dict[Language, _Speeds], peers: Sequence[Peer]) -> list[Aim]:
    return [
        Aim(
            f"at least {AIM_TIMES_SEMANTIC:g} times {peer.name!r} in the language where it is "
            "nearest",
            min(measured.times(peer.name) for measured in speeds.values()),
            bound=AIM_TIMES_SEMANTIC,
            at_most=False,
        )
        for peer in peers
        if peer.is_semantic
    ]


def _skipped(peer: Peer) -> str:
    missing = " ".join(peer.missing)
    return f"{peer.name!r} was skipped: not installed. pip install {missing}"
