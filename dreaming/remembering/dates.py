"""The dates that a question names: "in May 2023", "last week", 上周, 先月.

Made for memories, so only what has been is read: days, months and years, and spans counted back
from today. dateparser and recognizers-text read more forms; they take 40 ms and more a question,
and see dates in words that are none.
"""

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_MONTH_NAMES = tuple(name.lower() for name in calendar.month_name[1:])
_MONTHS = {
    name[:length]: number for number, name in enumerate(_MONTH_NAMES, 1) for length in (3, 20)
} | {"sept": 9}
_WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}
_MONTH = rf"({'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_NUMBER_WORDS = (
    ("zero", "零"), ("a", "one", "an", "一"), ("two", "二", "两"), ("three", "三"), ("four", "四"),
    ("five", "五"),
    ("six", "六"), ("seven", "七"), ("eight", "八"), ("nine", "九"), ("ten", "十"),
)  # fmt: skip
_NUMBERS = {word: number for number, words in enumerate(_NUMBER_WORDS) for word in words}
_NUMBER = rf"(\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_DAYS_OF = {
    "day": 1,
    "天": 1,
    "日": 1,
    "week": 7,
    "周": 7,
    "星期": 7,
    "週": 7,
    "month": 30,
    "月": 30,
    "year": 365,
    "年": 365,
}

_YEAR = re.compile(r"\b(?:19|20)\d\d\b|(?:19|20)\d\d(?=年)")
_ISO = re.compile(r"\b(\d{4})-(\d{1,2})(?:-(\d{1,2}))?\b")
# "may" and "march" are words as well: they are months after a preposition, beside a number, or
# large within a sentence.
_NAMED_MONTH = re.compile(
    rf"(?i:\b(?:in|of|on|since|during|by|last|this|early|late|mid)[ -]){_MONTH}\b"
    rf"|\b(\d{{1,2}})(?:st|nd|rd|th)?,? (?:of )?(?i:{_MONTH})\b"
    rf"|\b(?i:{_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b"
    rf"|\b(?i:{_MONTH})(?=,? (?:19|20)\d\d\b)"
    rf"|(?<=[\w,] )({'|'.join(name.title() for name in _MONTH_NAMES)})\b",
)
_EAST_MONTH = re.compile(r"(\d{1,2}) ?月(?:份)?(?: ?(\d{1,2}) ?[日号號])?")
_AGO = re.compile(
    rf"\b(?i:{_NUMBER}) (day|week|month|year)s? ago\b"
    rf"|(?:{_NUMBER}) ?[个個か箇ヶカ]? ?(天|日|周|星期|週|月|年)[間间]?[之以]?前"
)
_LAST_WEEKDAY = re.compile(
    rf"\b(?i:last|on|this past) (?P<name>{'|'.join(_WEEKDAYS)})\b", re.IGNORECASE
)
_EAST_WEEKDAY = re.compile("上(?:个|個)?(?:周|星期|礼拜|週)(?P<day>[一二三四五六日天])")

_RELATIVE: Sequence[tuple[str, int]] = (
    (r"(?<!before )\byesterday\b|\blast night\b|昨天|昨日|きのう|昨晚|昨夜", 1),
    (r"\bthe day before yesterday\b|前天|一昨日|おととい", 2),
)
"""What is said, and how many days back that is."""
_LAST_UNITS: Sequence[tuple[str, str]] = (
    (r"\blast week\b|上(?:个|個)?(?:周|星期|礼拜|週)(?![一二三四五六日天])|先週", "week"),
    (r"\blast month\b|上(?:个|個)?月|先月", "month"),
    (r"\blast year\b|去年|昨年", "year"),
)
_TIME_WORDS = (
    *(
        "yesterday",
        "today",
        "tonight",
        "tomorrow",
        "last",
        "next",
        "ago",
        "week",
        "weeks",
        "weekend",
    ),
    *("month", "months", "year", "years", "recently", "since", *_WEEKDAYS, *_MONTH_NAMES),
)
# What a match begins with is looked at first: most places of a text are passed over by that alone.
_TIME = re.compile(
    rf"\b(?=[{''.join(sorted({word[0] for word in _TIME_WORDS}))}\d])"
    rf"(?:{'|'.join(_TIME_WORDS)}|(?:19|20)\d\d|\d+(?:st|nd|rd|th))\b"
)
_EAST_TIME = re.compile(
    "(?=[昨今明前上下这本去先来曜\\d])"
    "(?:[昨今明前][天晚日年]|[上下这本]个?(?:周|星期|月)|[去今明]年|[先来今]週|[先来今]月|来年|\\d[年月日号天周]|曜日)"
)
_ASKS_WHEN = re.compile(
    r"^\W*(?:when|how long)\b|\bwhat (?:date|day|month|year|time)\b|\bwhich (?:day|month|year)\b"
    "|什么时候|何时|哪天|哪一天|几号|几月|哪年|多久|いつ|何日|何月|何年|언제",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class NamedDates:
    """What a question says of a date: parts that it names, and ranges of days; none asked for is
    none.
    """

    years: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    ranges: tuple[tuple[date, date], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.years or self.months or self.days or self.ranges)

    def match(self, day: date) -> float:
        """How much of what is named a day has, 0 to 1."""
        parts = ((self.years, day.year), (self.months, day.month), (self.days, day.day))
        met = [value in asked for asked, value in parts if asked]
        if self.ranges:
            met.append(any(first <= day <= last for first, last in self.ranges))
        return sum(met) / len(met) if met else 0.0


def names_a_time(folded: str) -> bool:
    """Whether a folded text says when something is: a date, a weekday, "last week", 昨天."""
    return bool(_TIME.search(folded) or (not folded.isascii() and _EAST_TIME.search(folded)))


def asks_when(question: str) -> bool:
    """Whether a question is about a time."""
    return _ASKS_WHEN.search(question) is not None


def read_dates(question: str, *, today: date) -> NamedDates:
    """The dates that a question names; those relative to a day count back from `today`."""
    years = {int(year) for year in _YEAR.findall(question)}
    months, days = set[int](), set[int]()
    for year, month, day in _ISO.findall(question):
        years.add(int(year))
        months.add(int(month))
        days |= {int(day)} if day else set()
    for match in _NAMED_MONTH.finditer(question):
        said = [part.lower() for part in match.groups() if part]
        months |= {_MONTHS[part] for part in said if part in _MONTHS}
        days |= {int(part) for part in said if part.isdigit()}
    for month, day in _EAST_MONTH.findall(question):
        months.add(int(month))
        days |= {int(day)} if day else set()
    return NamedDates(
        frozenset(years),
        frozenset(month for month in months if 1 <= month <= 12),
        frozenset(day for day in days if 1 <= day <= 31),
        tuple(_ranges(question, today)),
    )


def _ranges(question: str, today: date) -> Iterable[tuple[date, date]]:
    for pattern, back in _RELATIVE:
        if re.search(pattern, question, re.IGNORECASE):
            yield today - timedelta(back), today - timedelta(back)
    for pattern, unit in _LAST_UNITS:
        if re.search(pattern, question, re.IGNORECASE):
            yield _last(unit, today)
    for match in _AGO.finditer(question):
        count, unit = (part.lower() for part in match.groups() if part)
        number = int(count) if count.isdigit() else _NUMBERS[count]
        back = number * (length := _DAYS_OF[unit])
        # "Three weeks ago" is about then: half a unit to either side.
        yield _back(today, back + length // 2), _back(today, back - length // 2)
    for match in _LAST_WEEKDAY.finditer(question):
        day = today - timedelta((today.weekday() - _WEEKDAYS[match["name"].lower()] - 1) % 7 + 1)
        yield day, day
    for match in _EAST_WEEKDAY.finditer(question):
        monday, _ = _last("week", today)
        day = monday + timedelta("一二三四五六日天".index(match["day"]) - (match["day"] == "天"))
        yield day, day


def _last(unit: str, today: date) -> tuple[date, date]:
    if unit == "week":
        monday = today - timedelta(today.weekday() + 7)
        return monday, monday + timedelta(6)
    if unit == "month":
        end = today.replace(day=1) - timedelta(1)
        return end.replace(day=1), end
    return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)


def _back(today: date, days: int) -> date:
    return date.fromordinal(max(today.toordinal() - days, 1))
