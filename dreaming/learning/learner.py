"""Learning from what was paid for: topics that a better model found make the free tier better.

A bought chunk says of each message in it whether a topic starts there, and what its topic is
called. The segmenter that comes with dreaming is moved towards that, and the vocabulary of labels
grows. What is accepted is used from then on; chunks that are there stay until their days are run
again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dreaming.chunk import BChunk, lanes
from dreaming.chunking.lane import read_lane_turns
from dreaming.chunking.segment import silence_log_odds
from dreaming.chunking.segmenter import Segmenter
from dreaming.chunking.words import read_words
from dreaming.conversation import ConversationDay, stable_hash
from dreaming.errors import DamagedPartition
from dreaming.home import Home
from dreaming.learning.dialogues import read_dialogues
from dreaming.learning.examples import Example, example_of
from dreaming.learning.learning import Lesson, learn
from dreaming.learning.scoring import Score
from dreaming.learning.vocabulary import LabelledText, learn_labels
from dreaming.storage.partitions import PartitionStore
from dreaming.storage.segmenters import Segmenters, learned_version

MOST_TALKS = 2_000
"""What was said last counts: conversation-days that are learned from, the newest first."""

Learned = dict[str, Any]


def learn_from_home(home: Home) -> Learned:
    """Learn from the chunks that were bought and not undone; what came of it, as JSON has it."""
    examples: list[Example] = []
    texts: list[LabelledText] = []
    for conversation, bought in islice(bought_talks(home.store), MOST_TALKS):
        example = bought_example(conversation, bought, home.segmenters.shipped)
        if example is not None:
            examples.append(example)
        texts += [
            LabelledText(chunk.conversation_id, chunk.labels, Counter(read_words(chunk.content)))
            for chunk in bought
        ]
    return _learn(home, examples, texts, source="bought chunks")


def learn_from_files(home: Home, paths: Sequence[Path]) -> Learned:
    """Learn from labelled talks (`dreaming.learning.dialogues`) in the place of bought chunks."""
    encoder = home.segmenters.shipped.encoder
    examples = [example_of(dialogue, encoder) for dialogue in read_dialogues(paths)]
    return _learn(home, examples, None, source=", ".join(map(str, paths)))


def bought_talks(store: PartitionStore) -> Iterator[tuple[ConversationDay, list[BChunk]]]:
    """The conversation-days with bought chunks of talk, and those chunks; the newest day first."""
    for day in reversed(store.days("upgraded_chunks")):
        try:
            yield from _bought_on(store, day)
        except DamagedPartition:
            # What cannot be read teaches nothing; the run of its day reports it.
            continue


def _bought_on(store: PartitionStore, day: date) -> Iterator[tuple[ConversationDay, list[BChunk]]]:
    with store.open_chunks("upgraded_chunks", day) as chunks:
        levels = {level for (level,) in chunks.cells("quality_level")}
        # Most days have basic chunks alone: one column says so, without reading any text.
        if levels <= {"basic"}:
            return
        with store.open_conversations(day) as raw:
            for conversation in raw.rows():
                own = chunks.of_conversation(conversation.conversation_id)
                talk = [chunk for chunk in own if chunk.kind == "text"]
                bought = [chunk for chunk in talk if chunk.quality_level != "basic"]
                if bought:
                    yield conversation, bought


def bought_example(
    conversation: ConversationDay, bought: Sequence[BChunk], segmenter: Segmenter
) -> Example | None:
    """What the bought chunks of a conversation-day teach a segmenter.

    None where they say of no message whether a topic starts there.
    """
    messages = lanes(conversation.messages).get("text", [])
    if len(messages) < 2:
        return None
    begun = {span.message_id for chunk in bought for span in chunk.spans if span.start == 0}
    starting = {topic.message_id for chunk in bought for topic in chunk.topics if topic.start == 0}
    known = np.array([message.id in begun for message in messages[1:]])
    if not known.any():
        return None
    turns = read_lane_turns(messages)
    starts = np.array([message.id in starting for message in messages[1:]])
    return Example("own", segmenter.read_features(turns), silence_log_odds(turns), starts, known)


def learned_versions(segmenters: Segmenters) -> list[dict[str, Any]]:
    """The versions that were learned here, the newest first, then the shipped one, as JSON."""
    cuts = segmenters.current().version
    learned = [
        {
            "version": version.version,
            "cuts": version.version == cuts,
            "learned_at": version.learned_at.isoformat(),
            "reverted_at": version.reverted_at and version.reverted_at.isoformat(),
            **version.report,
        }
        for version in segmenters.learned()
    ]
    shipped = segmenters.shipped.version
    return [
        *learned,
        {"version": shipped, "cuts": shipped == cuts, "source": "comes with dreaming"},
    ]


def _learn(
    home: Home, examples: Sequence[Example], texts: Sequence[LabelledText] | None, *, source: str
) -> Learned:
    shipped, held = home.segmenters.shipped, home.segmenters.learned()
    lessons_hash = stable_hash(
        [
            [sha256(part.tobytes()).hexdigest() for part in (e.starts, e.known, e.features)]
            for e in examples
        ],
        [[each.labels, sorted(each.counts.items())] for each in texts or ()],
    )
    for known in held:
        if known.lessons_hash == lessons_hash and known.base == shipped.version:
            cuts = known.version == home.segmenters.current().version
            state = "was reverted" if known.reverted_at else "cuts" if cuts else "was replaced"
            reason = (
                f"Nothing new to learn: {known.version}, which {state}, was learned from the same "
                "talks."
            )
            return {
                "accepted": False,
                "version": home.segmenters.current().version,
                "reason": reason,
            }
    version = learned_version(shipped.version, 1 + max((known.number for known in held), default=0))
    lesson, old_labels = learn(shipped, examples, version=version), home.segmenters.labels()
    labels = old_labels if texts is None else learn_labels(texts)
    report = {"source": source, **_report(lesson), "labels": sorted(labels)}
    if labels != old_labels:
        report["reason"] += (
            f" Labels that bought chunks teach: {', '.join(sorted(labels)) or 'none any more'}."
        )
    accepted = lesson.accepted or labels != old_labels
    if accepted:
        moved = lesson.segmenter or home.segmenters.current()
        home.segmenters.add(
            moved, labels, lessons_hash=lessons_hash, report=report, at=home.clock()
        )
    return {"accepted": accepted, "version": home.segmenters.current().version, **report}


def _report(lesson: Lesson) -> dict[str, Any]:
    def figures(score: Score | None) -> Mapping[str, float] | None:
        return {name: round(value, 4) for name, value in asdict(score).items()} if score else None

    return {
        "talks": lesson.talks,
        "turns": lesson.turns,
        "boundaries": lesson.boundaries,
        "before": figures(lesson.before),
        "after": figures(lesson.after),
        "certainty": round(lesson.certainty, 3),
        "reason": lesson.reason,
    }
