"""A window over decoded text, from which one JSON value is taken at a time.

A list that is larger than memory can be read this way.
"""

import json
import re
from collections.abc import Iterator

from dreaming.errors import UnreadableExport
from dreaming.importing.json_values import JsonValue

# strict=False: raw control characters in strings are read as they are.
_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"[ \t\n\r]*")
# The longest token that a cut can leave half-read: "-Infinity", or an escape within a string.
_LONGEST_TOKEN = 16


class TextWindow:
    """The text from the reading position on, which grows as far as the next value needs.

    Each growth at least doubles it, so that a value takes time in proportion to its size.
    """

    def __init__(self, chunks: Iterator[str], path: str) -> None:
        self._chunks = chunks
        self._path = path
        self._text = ""
        self._position = 0
        self._ended = False
        self._lines_before = 0
        self._columns_before = 0

    def peek(self) -> str:
        """The next character that is not white space; an empty text at the end."""
        while True:
            self._position = _SPACE.match(self._text, self._position).end()  # type: ignore[union-attr]
            if self._position < len(self._text):
                return self._text[self._position]
            if self._ended:
                return ""
            self._grow()

    def skip_character(self) -> None:
        """Move past the character that `peek` returned."""
        self._position += 1

    def take_value(self) -> JsonValue:
        """Take the next JSON value; raises UnreadableExport with the place of an error."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                # An error near the end of the window may be a value that goes on after it.
                if self._ended or not self._may_be_cut(error):
                    # `from None`: the cause would keep the text alive.
                    raise self.broken(error.msg, error.pos) from None
            except RecursionError:
                raise self.broken("Nested too deep") from None
            except ValueError:
                raise self.broken("Number too long") from None
            else:
                # A number that ends with the window may go on after it.
                if end < len(self._text) or self._ended:
                    self._position = end
                    return value  # type: ignore[no-any-return]
            self._grow()

    def broken(self, what: str, position: int | None = None) -> UnreadableExport:
        """The error for wrong JSON at a position of the window, by default the reading position."""
        if position is None:
            position = self._position
        line = self._lines_before + self._text.count("\n", 0, position) + 1
        newline = self._text.rfind("\n", 0, position)
        column = position - newline if newline >= 0 else self._columns_before + position + 1
        is_at_end = self._ended and position >= len(self._text)
        problem = "ends too early" if is_at_end else "is not valid JSON"
        return UnreadableExport(
            f"{self._path!r} {problem}: {what.lower()} at line {line:,}, column {column:,}. "
            "Export or download it again; what comes before is imported."
        )

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        # The error of an unterminated string is at its start, which may be far from the end.
        is_open_string = error.msg.startswith("Unterminated string")
        return is_open_string or error.pos >= len(self._text) - _LONGEST_TOKEN

    def _grow(self) -> None:
        self._drop_read_text()
        parts = [self._text]
        missing = max(1, len(self._text))
        while missing > 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
                break
            parts.append(chunk)
            missing -= len(chunk)
        self._text = "".join(parts)

    def _drop_read_text(self) -> None:
        newline = self._text.rfind("\n", 0, self._position)
        if newline >= 0:
            self._lines_before += self._text.count("\n", 0, self._position)
            self._columns_before = self._position - newline - 1
        else:
            self._columns_before += self._position
        self._text = self._text[self._position :]
        self._position = 0
