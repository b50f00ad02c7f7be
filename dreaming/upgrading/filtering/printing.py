"""From an expression to the text of a filter, which parses to the same expression."""

from datetime import date, datetime
from decimal import Decimal

from dreaming.upgrading.filtering.columns import Scalar
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


def print_filter(expression: Expression) -> str:
    """The text of a filter."""
    match expression:
        case Or(operands):
            return " OR ".join(_inner(each, Or) for each in operands)
        case And(operands):
            return " AND ".join(_inner(each, Or, And) for each in operands)
        case Not(operand):
            return f"NOT {_inner(operand, Or, And)}"
        case Comparison(column, sign, value):
            return f"{column} {sign} {print_value(value)}"
        case Membership(column, values):
            return f"{column} IN ({', '.join(map(print_value, values))})"
        case Contains(column, value):
            return f"{column} CONTAINS {print_value(value)}"
        case IsNull(column):
            return f"{column} IS NULL"


def _inner(expression: Expression, *in_parentheses: type) -> str:
    text = print_filter(expression)
    return f"({text})" if isinstance(expression, in_parentheses) else text


def print_value(value: Scalar) -> str:
    """A value as a filter writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case float():
            return format(Decimal(repr(value)), "f")
        case Decimal():
            return format(value, "f")
        case int():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
