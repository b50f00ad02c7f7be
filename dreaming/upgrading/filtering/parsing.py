"""From the text of a filter to an expression, by a grammar; errors point at the place."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from dreaming.errors import FilterError
from dreaming.upgrading.filtering.columns import ALIASES, COLUMNS, Column, Scalar
from dreaming.upgrading.filtering.expression import (
    And,
    Comparison,
    Contains,
    Expression,
    IsNull,
    Membership,
    Not,
    Or,
)

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

# Filters that programs write may name thousands of conversations.
LONGEST_FILTER = 200_000
"""The most characters of a filter."""

# Expressions are read by recursion: much deeper ones would reach Python's limit.
DEEPEST_FILTER = 100
"""The most parentheses and NOTs within each other."""

_GRAMMAR = r"""
?start: or_test
?or_test: and_test | and_test ("OR"i and_test)+       -> any_of
?and_test: not_test | not_test ("AND"i not_test)+     -> all_of
?not_test: "NOT"i not_test                            -> negation
         | test
?test: "(" or_test ")"
     | name OPERATOR value                            -> comparison
     | name "IN"i "(" value ("," value)* ")"          -> membership
     | name "NOT"i "IN"i "(" value ("," value)* ")"   -> no_membership
     | name "CONTAINS"i value                         -> contains
     | name "NOT"i "CONTAINS"i value                  -> contains_not
     | name "IS"i "NULL"i                             -> is_null
     | name "IS"i "NOT"i "NULL"i                      -> is_not_null
name: WORD
value: STRING | WORD

OPERATOR: "==" | "=" | "!=" | "<>" | "<=" | ">=" | "<" | ">"
STRING: /'(?:[^']|'')*'/ | /"(?:[^"]|"")*"/
WORD: /[\w+\-.:]+/
%import common.WS
%ignore WS
"""

_SIGNS = {"==": "=", "<>": "!="}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})?", re.ASCII)


@cache
def _parser() -> "Lark":
    # Imported here, since most runs have no filter.
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def parse_filter(text: str) -> Expression:
    """The expression of a filter's text; raises `FilterError`, which points at the place."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

    if len(text) > LONGEST_FILTER:
        raise FilterError(
            f"The filter has {len(text):,} characters, and at most {LONGEST_FILTER:,} are read."
        )
    if not text.strip():
        raise FilterError(
            "The filter is empty. Write for example: quality_level = basic AND language = en"
        )
    _refuse_depth(text)
    try:
        tree = _parser().parse(text)
    except UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        raise _error(text, position, _odd_character(text, position)) from None
    except UnexpectedToken as error:
        at_end = error.token.type == "$END"
        position = len(text) if at_end else error.token.start_pos or 0
        wanted = _wanted(error.accepts or error.expected)
        ending = ", and it ends" if at_end else ""
        raise _error(text, position, f"Here {wanted} was expected{ending}.") from None
    except UnexpectedEOF as error:
        message = f"It ends where {_wanted(error.expected)} was expected."
        raise _error(text, len(text), message) from None
    return _Reader(text).read(tree)


def _refuse_depth(text: str) -> None:
    """Raise `FilterError` for a filter that is nested too deeply, before it is parsed."""
    depth = 0
    for found in re.finditer(
        r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\(|\)|\bNOT\b", text, re.IGNORECASE
    ):
        token = found[0]
        if token[0] in "'\"":
            continue
        depth += -1 if token == ")" else 1
        if depth > DEEPEST_FILTER and token != ")":
            message = (
                f"More than {DEEPEST_FILTER} parentheses and NOTs are too many. Write it more "
                "simply."
            )
            raise _error(text, found.start(), message)


class _Reader:
    """Reads a tree, typing values by their columns."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._by_rule: dict[str, Callable[[Sequence[Any]], Expression]] = {
            "any_of": lambda parts: Or(_flat(Or, map(self.read, parts))),
            "all_of": lambda parts: And(_flat(And, map(self.read, parts))),
            "negation": lambda parts: Not(self.read(parts[0])),
            "comparison": self._comparison,
            "membership": self._membership,
            "no_membership": lambda parts: Not(self._membership(parts)),
            "contains": self._contains,
            "contains_not": lambda parts: Not(self._contains(parts)),
            "is_null": lambda parts: IsNull(self._column(parts[0]).name),
            "is_not_null": lambda parts: Not(IsNull(self._column(parts[0]).name)),
        }

    def read(self, tree: "Tree[Token]") -> Expression:
        """The expression of a tree."""
        return self._by_rule[tree.data](tree.children)

    def _comparison(self, parts: Sequence[Any]) -> Expression:
        column = self._column(parts[0])
        sign = _SIGNS.get(str(parts[1]), str(parts[1]))
        if column.kind == "list":
            message = (
                f"{column.name} is a list. Write {column.name} CONTAINS {parts[2].children[0]}."
            )
            raise _error(self._text, parts[1].start_pos, message)
        return Comparison(column.name, sign, self._value(column, parts[2]))  # type: ignore[arg-type] # by the grammar

    def _membership(self, parts: Sequence[Any]) -> Membership:
        column = self._column(parts[0])
        if column.kind == "list":
            message = (
                f"{column.name} is a list. Write {column.name} CONTAINS, once for each value, "
                "joined by OR."
            )
            raise _error(self._text, parts[0].children[0].start_pos, message)
        return Membership(column.name, tuple(self._value(column, part) for part in parts[1:]))

    def _contains(self, parts: Sequence[Any]) -> Contains:
        column = self._column(parts[0])
        if column.kind not in ("list", "text"):
            message = (
                f"{column.name} is no text and no list. Compare it: {column.name} = ..., with "
                f"{column.expected}."
            )
            raise _error(self._text, parts[0].children[0].start_pos, message)
        return Contains(column.name, _written(parts[1].children[0]))

    def _column(self, name: "Tree[Token]") -> Column:
        token: Any = name.children[0]
        name_or_alias = str(token).casefold()
        column = COLUMNS.get(ALIASES.get(name_or_alias, name_or_alias))
        if column is None:
            close = get_close_matches(name_or_alias, [*COLUMNS, *ALIASES], n=1)
            hint = f"Choose one of {', '.join(sorted(COLUMNS))}."
            if close:
                hint = f"Did you mean {close[0]}?"
            raise _error(self._text, token.start_pos, f"There is no column {str(token)!r}. {hint}")
        return column

    def _value(self, column: Column, value: "Tree[Token]") -> Scalar:
        token: Any = value.children[0]
        if str(token).casefold() == "null":
            message = f"Nothing is equal to NULL. For empty cells write {column.name} IS NULL."
            raise _error(self._text, token.start_pos, message)
        try:
            return column.read(_written(token) if column.is_text else _scalar(token))
        except (ValueError, OverflowError):
            message = (
                f"{shorten(token, 100, placeholder='...')} is no value of {column.name}. Expected "
                f"{column.expected}."
            )
            raise _error(self._text, token.start_pos, message) from None


def _flat(kind: type[And] | type[Or], parts: Any) -> tuple[Expression, ...]:
    """The operands, with nested ones of the same kind in their place: each filter has one form."""
    operands: list[Expression] = []
    for part in parts:
        operands += part.operands if isinstance(part, kind) else (part,)
    return tuple(operands)


def _written(token: "Token") -> str:
    """A word or a string as it is written."""
    text = str(token)
    return text[1:-1].replace(text[0] * 2, text[0]) if token.type == "STRING" else text


def _scalar(token: "Token") -> Scalar:
    """The value of a word or a string, typed by its form alone."""
    text = _written(token)
    if token.type == "STRING":
        return text
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if _NUMBER.fullmatch(text):
        return Decimal(text) if "." in text else int(text)
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
    # Digits in the form of a day that is none, such as 2026-02-30: its column refuses the text.
    except ValueError:
        pass
    return text


_NAMES = {
    "WORD": "a word",
    "STRING": "text in quotes",
    "OPERATOR": "an operator (=, !=, <, <=, >, >=)",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": "a comma",
    "$END": "the end",
}


def _wanted(expected: Any) -> str:
    names = sorted(_NAMES.get(name, name) for name in expected)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _odd_character(text: str, position: int) -> str:
    if text[position] in "'\"":
        return f"The text that begins here is not ended: a second {text[position]} is missing."
    return f"{text[position]!r} has no meaning here. Put it in quotes if it belongs to a value."


def _error(text: str, position: int, message: str) -> FilterError:
    """An error that shows the line of a filter, and points at a place in it."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : len(text) if end < 0 else end]
    before = line[: position - start]
    width = sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in before)
    return FilterError(
        f"Filter, column {position - start + 1}: {message}\n  {line}\n  {' ' * width}^"
    )
