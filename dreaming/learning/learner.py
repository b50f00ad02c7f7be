"""Learning from what was paid for: every topic that a better model has found makes the free tier
better.

A bought chunk says of each message in it whether a topic starts there, and what its topic is
called. The segmenter that comes with dreaming is moved towards that, and the vocabulary of labels
grows. What is accepted is used from then on; chunks that are there stay until their days are run
again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
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
from dreaming.storage.segmenters import learned_version

MOST_TALKS = 2_000
"""What was said last counts: conversation-days that are learned from, the newest first."""

Learned = dict[str, Any]


def learn_from_home(home: Home) -> Learned:
    """Learn from the chunks that were bought and not undone; what came of it, as JSON has it."""
    examples: list[Example] = []
    texts: list[LabelledText] = []
    for conversation, bought in islice(bought_talks(home), MOST_TALKS):
        example = bought_example(conversation, bought, home.segmenters.shipped)
        if example is not None:
            examples.append(example)
        texts += [
            LabelledText(chunk.conversation_id, chunk.labels, Counter(read_words(chunk.content)))
            for chunk in bought
        ]
    return _learn(home, examples, texts, source="bought chunks")


def learn_from_files(home: Home, paths: Sequence[Path]) -> Learned:
    """Learn from labelled talks of one's own (`dreaming.learning.dialogues`), in the place of what
    was bought.
    """
    encoder = home.segmenters.shipped.encoder
    examples = [example_of(dialogue, encoder) for dialogue in read_dialogues(paths)]
    return _learn(home, examples, None, source=", ".join(map(str, paths)))


def bought_talks(home: Home) -> Iterator[tuple[ConversationDay, list[BChunk]]]:
    """The conversation-days of which some was bought, and those chunks of talk, the newest day
    first.
    """
    for day in reversed(home.store.days("upgraded_chunks")):
        try:
            with home.store.open_chunks("upgraded_chunks", day) as chunks:
                if all(level == "basic" for (level,) in chunks.cells("quality_level")):
                    continue
                with home.store.open_conversations(day) as raw:
                    for conversation in raw.rows():
                        held = chunks.of_conversation(conversation.conversation_id)
                        bought = [
                            c for c in held if c.kind == "text" and c.quality_level != "basic"
                        ]
                        if bought:
                            yield conversation, bought
        except DamagedPartition:
            continue  # what cannot be read teaches nothing; the run of its day says so


def bought_example(
    conversation: ConversationDay, bought: Sequence[BChunk], segmenter: Segmenter
) -> Example | None:
    """What the bought chunks of a conversation-day teach a segmenter; None where they say of no
    message what starts.
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


def learned_versions(home: Home) -> list[dict[str, Any]]:
    """Every version that was learned here, the newest first, and the one that comes with dreaming,
    as JSON has them.
    """
    cuts = home.segmenters.current().version
    learned = [
        {
            "version": version.version,
            "cuts": version.version == cuts,
            "learned_at": version.learned_at.isoformat(),
            "reverted_at": version.reverted_at and version.reverted_at.isoformat(),
            **version.report,
        }
        for version in home.segmenters.learned()
    ]
    shipped = home.segmenters.shipped.version
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
