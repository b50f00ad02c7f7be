"""How near each tier comes to the better ones: on chunks whose agreement is known, and through a
real home.
"""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from dreaming.chunk import Span, TopicBoundary, slice_content
from dreaming.chunking.rules import RulesChunker
from dreaming.conversation import ConversationDay, ConversationId, Message, MessageId
from dreaming.measuring.accuracy import Agreement, Pair, compare_tiers, measure_day, over_languages
from dreaming.measuring.checking import check_accuracy, judge_accuracy
from dreaming.measuring.evaluation import evaluate_tiers
from dreaming.upgrading.paid import PaidTopic
from tests.builders import make_paid_chunk
from tests.learning.test_learner import buy

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
MESSAGES = tuple(
    Message(
        MessageId(f"m{n}"),
        "user" if n % 2 == 0 else "assistant",
        f"Message {n} speaks of bread. ",
        timestamp=AT,
    )
    for n in range(8)
)
DAY = ConversationDay(
    ConversationId("test:a"), date(2026, 3, 1), "test", None, AT, AT, None, "hash", False, MESSAGES
)


def basic(*, starts, labels=("food",), entities=()):
    """One basic chunk of the whole talk, with topics at some messages."""
    chunk = RulesChunker().chunk(DAY, created_at=AT)[0]
    spans = tuple(Span(m.id, 0, len(m.content)) for m in MESSAGES)
    topics = tuple(TopicBoundary(MessageId(f"m{n}"), 0, 1.0, "rules") for n in starts)
    content = slice_content(spans, {m.id: m.content for m in MESSAGES})
    return replace(
        chunk, content=content, spans=spans, topics=topics, labels=labels, entities=entities
    )


def paid(*, messages, starts, level="good", **cells):
    """A chunk that was bought for some messages, with topics at some."""
    return make_paid_chunk(
        DAY,
        [(MESSAGES[n].id, 0, len(MESSAGES[n].content)) for n in messages],
        paid_chunk_id=f"{level}{messages}",
        topics=tuple(PaidTopic(MessageId(f"m{n}"), 0, 1.0) for n in starts),
        quality_level=level,
        **cells,
    )


def test_tiers_are_compared_where_both_have_the_talk():
    """Four of eight messages were bought: of the three that can start a topic, one does for both,
    one for each.
    """
    held = [basic(starts=[0, 1, 2, 6], labels=("food", "home"), entities=("Rome", "Oslo"))]
    bought = [
        paid(
            messages=range(4),
            starts=[0, 2, 3],
            labels=("food", "health"),
            entities=("rome",),
            language="fr",
        )
    ]
    ((pair, found),) = compare_tiers(DAY, held, bought)
    assert pair == ("basic", "good", "fr")
    assert (found.messages, found.higher_topics, found.lower_topics, found.same_topics) == (
        3,
        2,
        2,
        1,
    )
    assert found.f1 == 0.5
    assert found.labels == pytest.approx(1 / 3)
    assert found.entities == 0.5
    # Of the three windows of two turns, the last has a boundary for one tier alone.
    assert found.figures() == {"f1": 0.5, "pk": 0.3333, "labels": 0.3333, "entities": 0.5}


def test_what_a_premium_chunk_hides_is_compared_too():
    """Premium over good over basic: three pairs, and the good one is judged as it was before it was
    hidden.
    """
    held = [basic(starts=[0])]
    bought = [
        paid(messages=range(8), starts=[0, 4]),
        paid(messages=range(2, 8), starts=[4], level="premium"),
    ]
    found = dict(compare_tiers(DAY, held, bought))
    assert [pair[:2] for pair in found] == [
        ("basic", "good"),
        ("basic", "premium"),
        ("good", "premium"),
    ]
    assert found["good", "premium", "en"].f1 == 1.0
    assert found["good", "premium", "en"].pk == 0.0
    assert found["basic", "premium", "en"].f1 == 0.0


def test_what_no_longer_stands_is_not_compared():
    """The text of what was bought has changed: it says nothing of what is there now."""
    bought = paid(messages=[0, 1], starts=[0])
    stale = replace(
        bought, slices=(replace(bought.slices[0], text_hash="other"), *bought.slices[1:])
    )
    assert list(compare_tiers(DAY, [basic(starts=[0])], [stale])) == []


def test_agreements_add_up():
    """Counts are added, so that the figure of a day is that of its messages, whatever their
    language.
    """
    one = Agreement(conversations=1, messages=10, higher_topics=2, lower_topics=2, same_topics=2)
    other = Agreement(conversations=1, messages=10, higher_topics=2, lower_topics=4, same_topics=0)
    summed = over_languages({("basic", "good", "en"): one, ("basic", "good", "zh"): other})
    assert summed["basic", "good"].f1 == pytest.approx(2 * 2 / 10)
    assert one.f1 == 1.0
    assert Agreement().figures() == {}


def test_a_day_is_measured_and_one_where_nothing_was_bought_is_not(home):
    """A vendor that knows the topics: the figures are those of the rules beside it; the check
    holds, and says them.
    """
    gold = buy(home, range(6))
    (day,) = home.store.days("upgraded_chunks")
    purchases = home.purchases
    ((_, found),) = over_languages(measure_day(home.store, purchases, day)).items()
    assert found.conversations == len(gold)
    assert found.higher_topics == sum(len(starts) for _, starts in gold)
    finding = check_accuracy(home.store, purchases, day)
    assert finding.passed
    assert finding.figures["basic_good_f1"] == found.figures()["f1"]
    everything, by_language = evaluate_tiers(home)
    assert everything["messages"] == by_language["messages"] == found.messages
    assert evaluate_tiers(home, last=date(2020, 1, 1)) == []
    home.undo("R0")
    assert measure_day(home.store, purchases, day) == {}
    assert check_accuracy(home.store, purchases, day).passed


def test_a_tier_that_is_no_better_than_chance_fails_the_check():
    """The check warns, and says what helps; of a few topics it says nothing yet."""
    poor = Agreement(
        messages=100, higher_topics=20, lower_topics=20, measured_turns=100, wrong_turns=60.0
    )
    finding = judge_accuracy({Pair("basic", "good", "en"): poor})
    assert not finding.passed
    assert "dreaming learn" in finding.description
    assert judge_accuracy({Pair("basic", "good", "en"): replace(poor, higher_topics=5)}).passed
