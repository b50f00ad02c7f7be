"""Learning from what was bought: through a real home, with a vendor that knows the topics."""

import json
from datetime import UTC, datetime

import pytest

from dreaming.buying.executor import DreamingExecutor
from dreaming.chunking.segment import segment_turns
from dreaming.conversation import Conversation, ConversationId, Message, MessageId
from dreaming.errors import UsageError
from dreaming.home import open_home
from dreaming.learning.learner import (
    bought_example,
    bought_talks,
    learn_from_files,
    learn_from_home,
    learned_versions,
)
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.testing import make_day, make_settings
from dreaming.testing.fake_vendor import FakeVendor, GoldAnswers
from dreaming.upgrading.terms import UpgradeTerms
from tests.learning.builders import make_dialogue

OPENING = "and then "
"""What opens a topic here, and goes on with one everywhere else."""
SHIPPED = "rules-2"


def conversation(number):
    """A labelled talk as a conversation, and the messages that start a topic."""
    dialogue = make_dialogue(number, opening=OPENING)
    at = datetime(2026, 3, 1, 9, number % 60, tzinfo=UTC)
    messages = tuple(
        Message(MessageId(f"m{n}"), role, content=text * 4, timestamp=at)
        for n, (role, text) in enumerate(dialogue.turns)
    )
    held = Conversation(ConversationId(dialogue.dialogue_id), "test", None, at, at, messages)
    return held, {MessageId(f"m{n}") for n in dialogue.boundaries}


def buy(home, numbers):
    """Import made-up talks, cut them for free and upgrade them all."""
    return upgrade(home, [conversation(number) for number in numbers], request_id=f"R{numbers[0]}")


def upgrade(home, gold, *, request_id, labels_of=lambda _message: ("talk",)):
    """Import conversations, cut them for free and upgrade them all."""
    home.archive.add([held for held, _ in gold])
    days = home.pipeline.waiting_days()
    for day in days:
        home.pipeline.run_day(day)
    answers = GoldAnswers(((held.messages, starts) for held, starts in gold), labels_of=labels_of)
    with FakeVendor(answer=answers) as vendor:
        settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url)
        executor = DreamingExecutor(
            home, {"anthropic": ConfiguredProvider("anthropic", settings)}, run_id="test"
        )
        request = executor.begin(request_id, UpgradeTerms(target_quality="good", max_tokens=10**6))
        executor.upgrade(request, days)
    return gold


def test_bought_chunks_say_of_each_message_whether_a_topic_starts(home):
    """All of the talk was bought: all is known, and it is what the vendor said."""
    gold = buy(home, range(3))
    segmenter = home.segmenters.shipped
    examples = [
        bought_example(conversation, bought, segmenter)
        for conversation, bought in bought_talks(home.store)
    ]
    assert len(examples) == len(gold)
    assert all(example.known.all() for example in examples)
    told = sorted(example.boundaries for example in examples)
    assert told == sorted(sorted(int(start[1:]) for start in starts) for _, starts in gold)


def test_what_was_bought_makes_the_free_tier_better(any_home):
    """Learned from 24 talks, used on others, kept as a version, and taken back."""
    home = any_home
    buy(home, range(24))
    others = [make_dialogue(number, opening=OPENING) for number in range(50, 70)]

    def right(segmenter):
        return sum(
            segment_turns(other.turns, segmenter) == list(other.boundaries) for other in others
        )

    before = right(home.segmenters.current())
    learned = learn_from_home(home)
    assert learned["accepted"]
    assert learned["version"] == f"{SHIPPED}+1"
    assert learned["after"]["score"] > learned["before"]["score"]
    assert right(home.segmenters.current()) > before
    assert learn_from_home(home)["reason"].startswith(
        "Nothing new to learn: rules-2+1, which cuts,"
    )
    home.segmenters.revert(at=home.clock())
    assert home.segmenters.current().version == SHIPPED
    assert "was reverted" in learn_from_home(home)["reason"]
    assert [(v["version"], v["cuts"]) for v in learned_versions(home.segmenters)] == [
        (f"{SHIPPED}+1", False),
        (SHIPPED, True),
    ]
    with pytest.raises(UsageError, match="Nothing to revert"):
        home.segmenters.revert(at=home.clock())


def test_chunks_say_which_version_cut_them(tmp_path):
    """New ones at once; old ones when their day is run again."""
    settings = make_settings(tmp_path)
    with open_home(settings) as home:
        buy(home, range(20))
        learn_from_home(home)
    with open_home(settings) as home:
        held, _ = conversation(40)
        home.archive.add([held])
        (day,) = home.pipeline.waiting_days()

        def versions():
            with home.store.open_chunks("basic_chunks", day) as chunks:
                return {
                    chunk.conversation_id == held.id: chunk.segmenter_version
                    for chunk in chunks.rows()
                }

        home.pipeline.run_day(day, rechunk="changed")
        assert versions() == {False: SHIPPED, True: f"{SHIPPED}+1"}
        home.pipeline.run_day(day)
        assert set(versions().values()) == {f"{SHIPPED}+1"}


def test_too_few_talks_teach_nothing(home):
    """And what was undone teaches nothing either."""
    assert "0 talks with 0 topic boundaries are too few" in learn_from_home(home)["reason"]
    buy(home, range(4))
    told = learn_from_home(home)
    assert (told["accepted"], told["talks"], told["version"]) == (False, 4, SHIPPED)
    home.undo("R0")
    assert learn_from_home(home)["talks"] == 0


def test_what_is_not_better_is_not_accepted(home, tmp_path):
    """Where nothing is left to gain, the segmenter stays."""
    file = tmp_path / "agreed.jsonl"
    talks = [
        {
            "id": str(number),
            "turns": [
                {"speaker": speaker, "text": text} for speaker, text in make_dialogue(number).turns
            ],
            "boundaries": segment_turns(make_dialogue(number).turns),
        }
        for number in range(20)
    ]
    file.write_text("\n".join(map(json.dumps, talks)))
    told = learn_from_files(home, [file])
    assert not told["accepted"], told
    assert told["reason"].startswith("Not better for sure: score 1.000")
    assert home.segmenters.current().version == told["version"] == SHIPPED


def test_a_labelled_file_that_is_none_is_named(home, tmp_path):
    """By its line."""
    file = tmp_path / "own.jsonl"
    file.write_text('{"id": "a", "turns": [{"speaker": "user", "text": "x"}], "boundaries": [1]}\n')
    with pytest.raises(UsageError, match=r"Line 1 of .*own.jsonl is no labelled talk"):
        learn_from_files(home, [file])
    with pytest.raises(UsageError, match="There are no labelled talks at"):
        learn_from_files(home, [tmp_path / "nowhere"])


BEES = "The hive has a queen, drones and combs. "
OTHERS = (
    "The sofa is by the window. ",
    "Our neighbour paints fences. ",
    "The tower clock is slow. ",
)


def single_topic(number, text):
    """A conversation about one thing."""
    at = datetime(2026, 3, 2, 9, number, tzinfo=UTC)
    messages = tuple(
        Message(MessageId(f"m{n}"), role, content=f"{n}. {text}" * 6, timestamp=at)
        for n, role in enumerate(("user", "assistant", "user"))
    )
    return Conversation(ConversationId(f"test:single:{number}"), "test", None, at, at, messages), {
        MessageId("m0")
    }


def test_a_label_that_bought_chunks_have_is_given_to_free_ones(any_home):
    """The vocabulary grows by a label and its words; a revert takes it back."""
    home = any_home
    gold = [single_topic(n, BEES if n % 4 == 0 else OTHERS[n % 3]) for n in range(40)]
    upgrade(
        home,
        gold,
        request_id="R1",
        labels_of=lambda m: ("beekeeping",) if "hive" in m.content else ("talk",),
    )
    told = learn_from_home(home)
    assert (told["accepted"], told["labels"], told["version"]) == (
        True,
        ["beekeeping"],
        f"{SHIPPED}+1",
    )
    fresh = make_day(
        single_topic(50, "Where does the queen go when the hive is full of combs? ")[0]
    )

    def labels():
        chunks = home.segmenters.chunker().chunk(fresh, created_at=home.clock())
        return {label for chunk in chunks for label in chunk.labels}

    assert labels() == {"beekeeping"}
    home.segmenters.revert(at=home.clock())
    assert labels() == set()


def test_what_undone_chunks_taught_is_not_kept(home):
    """Their labels are unlearned with them."""
    gold = [single_topic(n, BEES if n % 4 == 0 else OTHERS[n % 3]) for n in range(40)]
    upgrade(
        home,
        gold,
        request_id="R1",
        labels_of=lambda m: ("beekeeping",) if "hive" in m.content else ("talk",),
    )
    assert learn_from_home(home)["labels"] == ["beekeeping"]
    home.undo("R1")
    assert learn_from_home(home)["labels"] == []
    assert home.segmenters.labels() == {}
