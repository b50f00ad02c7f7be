"""Topic boundaries, before anything is packed."""

from datetime import UTC, datetime, timedelta

import pytest

from dreaming.chunking.lane import read_lane, topic_boundaries
from dreaming.chunking.segment import choose_boundaries, score_turns, segment_turns
from dreaming.chunking.turns import read_turn

from .builders import build_message

ENGLISH = [
    ("user", "Can you recommend a good pasta recipe for dinner tonight?"),
    ("assistant", "Try carbonara: pasta, eggs, cheese and pepper make a quick dinner."),
    ("user", "How long should the pasta cook?"),
    ("assistant", "Cook the pasta nine minutes, then toss it with the cheese and eggs."),
    ("user", "Thanks, that's all about dinner."),
    ("assistant", "You're welcome! Enjoy your meal."),
    (
        "user",
        "By the way, I need to book a train from Berlin to Munich on Monday. Which one is fastest?",
    ),
    ("assistant", "The fastest train from Berlin to Munich takes four hours."),
    ("user", "Does it have a dining car?"),
    ("assistant", "Yes, the train to Munich has one."),
]
CHINESE = [
    ("user", "请问红烧肉怎么做才好吃？"),
    ("assistant", "红烧肉要先焯水，再用冰糖炒色，小火炖一个小时。"),
    ("user", "红烧肉用什么肉？"),
    ("assistant", "五花肉做红烧肉最合适，肥瘦相间。"),
    ("user", "好的，谢谢你。"),
    ("assistant", "不客气，祝你用餐愉快！"),
    ("user", "对了，我想找一家上海的酒店，外滩附近有什么推荐？"),
    ("assistant", "外滩附近有和平饭店，酒店就在南京东路旁边。"),
    ("user", "它的房间价格是多少？"),
    ("assistant", "和平饭店的房间价格大约两千元。"),
]
JAPANESE = [
    ("user", "カレーの作り方を教えてください。"),
    ("assistant", "カレーは玉ねぎを炒めて、肉と野菜を煮込みます。"),
    ("user", "カレーの肉は何がいいですか？"),
    ("assistant", "カレーには牛肉か豚肉が合います。"),
    ("user", "ありがとうございます。"),
    ("assistant", "どういたしまして。"),
    ("user", "ところで、京都旅行のホテルを予約したいのですが、駅の近くにありますか？"),
    ("assistant", "京都駅の近くにはホテルが多くあります。"),
    ("user", "そのホテルに温泉はありますか？"),
    ("assistant", "はい、大浴場のあるホテルがあります。"),
]


@pytest.mark.parametrize("turns", [ENGLISH, CHINESE, JAPANESE], ids=["en", "zh", "ja"])
def test_a_new_topic_after_thanks_is_found_in_each_language(turns):
    """One boundary, at the turn that opens the new topic."""
    assert segment_turns(turns) == [6]


def test_short_and_empty_talks_have_no_boundary():
    """There is nothing before the first turn, and no turn needs words."""
    assert segment_turns([]) == []
    assert segment_turns([("user", "Hello")]) == []
    assert segment_turns([("user", ""), ("assistant", "")]) == []


def test_users_alone_and_speakers_by_name_are_segmented_too():
    """Questions without answers are exchanges of their own; a meeting of many has no user."""
    alone = [turn for turn in ENGLISH if turn[0] == "user"]
    assert segment_turns(alone) == [3]
    named = [({"user": "Anna", "assistant": "Ben"}[speaker], text) for speaker, text in ENGLISH]
    assert 6 in segment_turns(named)


def test_several_messages_of_a_user_in_a_row_open_one_exchange():
    """A topic starts with the first of them."""
    split = [
        *ENGLISH[:6],
        ("user", "By the way, I need to book a train."),
        ("user", "From Berlin to Munich."),
        *ENGLISH[7:],
    ]
    assert segment_turns(split) == [6]


def test_hours_of_silence_are_strong_evidence():
    """The same words with a night between them start a topic; a second of silence says nothing."""
    start = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    texts = [text for _, text in ENGLISH[:4]]

    def score(pause: timedelta) -> float:
        times = [start, start, start + pause, start + pause]
        lane = read_lane("text", [build_message(i, texts[i], timestamp=times[i]) for i in range(4)])
        return lane.strengths[2]

    assert score(timedelta(seconds=1)) < 0.5
    assert score(timedelta(hours=9)) > 0.9
    assert score(timedelta(hours=9)) > score(timedelta(hours=1)) > score(timedelta(seconds=1))


def test_times_that_run_backwards_or_are_missing_are_no_silence():
    """An export's disorder does not cut topics."""
    start = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    times = [start, start - timedelta(hours=9), None, start - timedelta(hours=9)]
    with_times = read_lane(
        "text", [build_message(i, ENGLISH[i][1], timestamp=times[i]) for i in range(4)]
    )
    without = read_lane("text", [build_message(i, ENGLISH[i][1]) for i in range(4)])
    assert with_times.strengths == without.strengths


def test_scores_are_probabilities_and_the_first_is_sure():
    """Boundaries are records with a message, a place and a score."""
    scores = score_turns(
        [read_turn(speaker, text, frozenset(text.split())) for speaker, text in ENGLISH]
    )
    assert scores[0] == 1
    assert all(0 < score < 1 for score in scores[1:])
    assert choose_boundaries([1.0, 0.9, 0.9, 0.1, 0.1, 0.8, 0.1]) == [1, 5]
    lane = read_lane("text", [build_message(i, text) for i, (_, text) in enumerate(ENGLISH)])
    (boundary,) = topic_boundaries(lane, origin="rules-1")
    assert (boundary.message_id, boundary.start, boundary.origin) == ("m6", 0, "rules-1")
