"""The dates that a question names."""

from datetime import date

import pytest

from dreaming.remembering.dates import asks_when, names_a_time, read_dates

TODAY = date(2026, 11, 26)
"""A Thursday."""


@pytest.mark.parametrize(
    ("question", "days", "other_days"),
    [
        ("What happened in May 2023?", ["2023-05-01", "2023-05-31"], ["2023-06-01", "2022-05-03"]),
        ("What did we do last May?", ["2026-05-07"], ["2026-06-07"]),
        ("Where was I on 3 June 2023?", ["2023-06-03"], ["2023-06-04"]),
        ("Where was I on June 3rd?", ["2025-06-03"], ["2025-03-06"]),
        ("What was said on 2024-02-29?", ["2024-02-29"], ["2024-02-28"]),
        ("What about yesterday?", ["2026-11-25"], ["2026-11-26", "2026-11-24"]),
        ("And the day before yesterday?", ["2026-11-24"], ["2026-11-25"]),
        ("Who called last week?", ["2026-11-16", "2026-11-22"], ["2026-11-15", "2026-11-23"]),
        ("Who called last month?", ["2026-10-01", "2026-10-31"], ["2026-11-01"]),
        ("Which books did I read last year?", ["2025-01-01", "2025-12-31"], ["2026-01-01"]),
        ("What did I say three days ago?", ["2026-11-23"], ["2026-11-24"]),
        ("What did I eat last Monday?", ["2026-11-23"], ["2026-11-16", "2026-11-24"]),
        ("上周我们说了什么？", ["2026-11-16", "2026-11-22"], ["2026-11-23"]),
        ("上周三谁来了？", ["2026-11-18"], ["2026-11-17"]),
        ("2023年5月去哪里旅行？", ["2023-05-20"], ["2023-06-20"]),
        ("5月3日发生了什么？", ["2024-05-03"], ["2024-05-04"]),
        ("昨天吃了什么", ["2026-11-25"], ["2026-11-24"]),
        ("三天前说的药", ["2026-11-23"], ["2026-11-22"]),
        ("先月の旅行は？", ["2026-10-15"], ["2026-09-30"]),
        ("去年の夏", ["2025-07-01"], ["2026-07-01"]),
    ],
)
def test_a_question_names_a_date(question, days, other_days):
    """In English, Chinese and Japanese; what is relative counts back from today."""
    named = read_dates(question, today=TODAY)
    assert [named.match(date.fromisoformat(day)) for day in days] == [1.0] * len(days)
    assert all(named.match(date.fromisoformat(day)) < 1.0 for day in other_days)


@pytest.mark.parametrize(
    "question",
    [
        "May I ask what she said?",
        "the march of time",
        "it may be second hand",
        "99月",
        "on 2024-19-77",
        "",
        "三个人",
        "a10",
    ],
)
def test_words_that_are_no_dates_name_none(question):
    """A modal verb is no month."""
    named = read_dates(question, today=TODAY)
    assert (named.months, named.days, named.ranges) == (set(), set(), ())


def test_part_of_a_date_that_a_day_has_counts_for_its_part():
    """The year and the month, but not the day: two of three."""
    assert read_dates("on 3 June 2023", today=TODAY).match(date(2023, 6, 9)) == pytest.approx(2 / 3)


def test_counting_back_further_than_days_go_ends_at_the_first_day():
    """No question breaks the calendar."""
    assert read_dates("999 years ago", today=date(3, 1, 1)).match(date(1, 1, 1)) == 1.0


@pytest.mark.parametrize(
    "question", ["When did he go?", "what day was it", "什么时候去的", "いつですか", "How long ago"]
)
def test_a_question_may_ask_when(question):
    """And then messages that name a time answer it."""
    assert asks_when(question)


def test_a_text_may_name_a_time():
    """A date, a weekday, a span."""
    assert all(
        map(
            names_a_time,
            ["see you on friday", "last week it rained", "明天见", "先週行った", "in 2023"],
        )
    )
    assert not any(map(names_a_time, ["the weakest link", "今度", "nothing"]))
