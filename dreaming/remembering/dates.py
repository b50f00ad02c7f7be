"""The dates that a question names: "in May 2023", "last week", 上周, 先月.

For memories, so only what has been is read: days, months and years, and periods counted back from
today. dateparser and recognizers-text read more forms; they take 40 ms and more a question, and see
dates in words that are none.
"""

import calendar
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_MONTH_NAMES = tuple(name.lower() for name in calendar.month_name[1:])
_MONTHS = {"sept": 9}
for _number, _name in enumerate(_MONTH_NAMES, start=1):
    _MONTHS[_name] = _number
    _MONTHS[_name[:3]] = _number
_WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}


def _alternatives(words: Iterable[str]) -> str:
    """A pattern of words, the longest first, so that "mar" is not tried before "march"."""
    return "|".join(sorted(words, key=len, reverse=True))


_MONTH = rf"({_alternatives(_MONTHS)})"
_NUMBER_WORDS = (
    ("zero", "零"), ("a", "one", "an", "一"), ("two", "二", "两"), ("three", "三"), ("four", "四"),
    ("five", "五"),
    ("six", "六"), ("seven", "七"), ("eight", "八"), ("nine", "九"), ("ten", "十"),
)  # fmt: skip
_NUMBERS = {word: number for number, words in enumerate(_NUMBER_WORDS) for word in words}
_NUMBER = rf"(\d{{1,3}}|{_alternatives(_NUMBERS)})"
# "Two months ago" is about then: 30 and 365 days are near enough.
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
"""Patterns of a single day, and how many days back it is."""
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
# The lookahead checks the first character: that alone rules out most places of a text. Each passage
# of a day that is indexed is searched.
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
    """The parts of a date that a question names, and ranges of days. An empty part is not named."""

    years: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    ranges: tuple[tuple[date, date], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.years or self.months or self.days or self.ranges)

    def match(self, day: date) -> float:
        """The share of what is named that a day matches, 0 to 1."""
        matches = []
        if self.years:
            matches.append(day.year in self.years)
        if self.months:
            matches.append(day.month in self.months)
        if self.days:
            matches.append(day.day in self.days)
        if self.ranges:
            # Ranges are alternatives, and together count as one part.
            matches.append(any(first <= day <= last for first, last in self.ranges))
        if not matches:
            return 0.0
        return sum(matches) / len(matches)


def names_a_time(folded: str) -> bool:
    """Whether a folded text says when something is: a date, a weekday, "last week", 昨天."""
    if _TIME.search(folded):
        return True
    return not folded.isascii() and _EAST_TIME.search(folded) is not None


def asks_when(question: str) -> bool:
    """Whether a question is about a time."""
    return _ASKS_WHEN.search(question) is not None


def read_dates(question: str, *, today: date) -> NamedDates:
    """The dates that a question names; those relative to a day count back from `today`."""
    years = {int(year) for year in _YEAR.findall(question)}
    months = set[int]()
    days = set[int]()
    for year, month, day in _ISO.findall(question):
        years.add(int(year))
        months.add(int(month))
        if day:
            days.add(int(day))
    for match in _NAMED_MONTH.finditer(question):
        # Each of the pattern's alternatives has groups of its own: those of the others are None.
        parts = [part.lower() for part in match.groups() if part]
        months.update(_MONTHS[part] for part in parts if part in _MONTHS)
        days.update(int(part) for part in parts if part.isdigit())
    for month, day in _EAST_MONTH.findall(question):
        months.add(int(month))
        if day:
            days.add(int(day))
    # The patterns take any two digits; month 13 is not a date.
    return NamedDates(
        years=frozenset(years),
        months=frozenset(month for month in months if 1 <= month <= 12),
        days=frozenset(day for day in days if 1 <= day <= 31),
        ranges=tuple(_ranges(question, today)),
    )


def _ranges(question: str, today: date) -> Iterator[tuple[date, date]]:
    """The periods that a question names relative to today: first and last days."""
    for pattern, days_back in _RELATIVE:
        if re.search(pattern, question, re.IGNORECASE):
            day = today - timedelta(days_back)
            yield day, day
    for pattern, unit in _LAST_UNITS:
        if re.search(pattern, question, re.IGNORECASE):
            yield _last(unit, today)
    for match in _AGO.finditer(question):
        yield _ago(match, today)
    for match in _LAST_WEEKDAY.finditer(question):
        day = _last_weekday(_WEEKDAYS[match["name"].lower()], today)
        yield day, day
    for match in _EAST_WEEKDAY.finditer(question):
        day = _weekday_of_last_week(match["day"], today)
        yield day, day


def _ago(match: re.Match[str], today: date) -> tuple[date, date]:
    # The pattern has an English and a Chinese or Japanese alternative with two groups each.
    count, unit = (part.lower() for part in match.groups() if part)
    number = int(count) if count.isdigit() else _NUMBERS[count]
    length = _DAYS_OF[unit]
    days_back = number * length
    # "Three weeks ago" is about then: half a unit to either side.
    margin = length // 2
    return _back(today, days_back + margin), _back(today, days_back - margin)


def _last_weekday(weekday: int, today: date) -> date:
    """The last day before today of a weekday: on a Monday, "last Monday" is a week ago."""
    days_back = (today.weekday() - weekday - 1) % 7 + 1
    return today - timedelta(days_back)


def _weekday_of_last_week(name: str, today: date) -> date:
    """上周三: the day of the calendar week before this one, which begins on Monday."""
    monday, _ = _last("week", today)
    # Sunday has two names.
    weekday = "一二三四五六日".index("日" if name == "天" else name)
    return monday + timedelta(weekday)


def _last(unit: str, today: date) -> tuple[date, date]:
    """The first and the last day of the calendar week, month or year before today's."""
    if unit == "week":
        monday = today - timedelta(today.weekday() + 7)
        return monday, monday + timedelta(6)
    if unit == "month":
        end = today.replace(day=1) - timedelta(1)
        return end.replace(day=1), end
    last_year = today.year - 1
    return date(last_year, 1, 1), date(last_year, 12, 31)


def _back(today: date, days: int) -> date:
    # Not before the first day that a date can be; the pattern takes 999 years.
    return date.fromordinal(max(today.toordinal() - days, 1))
