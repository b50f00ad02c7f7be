"""The entries of a file, one at a time: elements of its list, its documents, or its lines."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO

import orjson

from dreaming.importing.encoding import Encoding, decode_chunks, not_in_encoding
from dreaming.importing.json_values import JsonValue
from dreaming.importing.layout import Layout, Shape
from dreaming.importing.report import FileReport
from dreaming.importing.text_window import TextWindow


def read_entries(stream: BinaryIO, layout: Layout, report: FileReport) -> Iterator[JsonValue]:
    """Yield the entries of a stream at its start; only one is held at a time.

    Raises UnreadableExport where a list or document breaks, after the entries before it. A line
    that is not JSON is counted and skipped.
    """
    return _READERS[layout.shape](stream, layout.encoding, report)


def _read_list(stream: BinaryIO, encoding: Encoding, report: FileReport) -> Iterator[JsonValue]:
    window = TextWindow(decode_chunks(stream, encoding, report.path), report.path)
    window.peek()
    window.skip_character()
    while window.peek() != "]":
        yield window.take_value()
        if window.peek() == ",":
            window.skip_character()
        elif window.peek() != "]":
            raise window.broken("Expected a comma or the end of the list")
    window.skip_character()
    if window.peek():
        raise window.broken("Text after the end of the list")


def _read_documents(
    stream: BinaryIO, encoding: Encoding, report: FileReport
) -> Iterator[JsonValue]:
    window = TextWindow(decode_chunks(stream, encoding, report.path), report.path)
    while window.peek():
        yield window.take_value()


def _read_lines(stream: BinaryIO, encoding: Encoding, report: FileReport) -> Iterator[JsonValue]:
    offset = encoding.mark_bytes
    for number, line in enumerate(_lines(stream, encoding, report.path), start=1):
        if not line.isspace():
            try:
                yield parse_line(line)
            except UnicodeDecodeError as error:
                # Once a file: in a wrong encoding, every line would fail.
                if not report.errors:
                    report.fail(not_in_encoding(report.path, encoding, offset + error.start))
                report.skip_line(f"line {number:,}")
            except json.JSONDecodeError as error:
                report.skip_line(f"line {number:,}, column {error.colno:,}")
            except (ValueError, RecursionError):
                # A number that is too long, or objects nested too deep.
                report.skip_line(f"line {number:,}")
        offset += len(line)


def parse_line(line: bytes | str) -> JsonValue:
    """Parse one line by orjson, which is fast, or else by `json`, which accepts more."""
    try:
        return orjson.loads(line)  # type: ignore[no-any-return]
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogates and NaN.
        text = line.decode("utf-8", "surrogatepass") if isinstance(line, bytes) else line
        return json.loads(text, strict=False)  # type: ignore[no-any-return]


def _lines(stream: BinaryIO, encoding: Encoding, path: str) -> Iterable[bytes | str]:
    """The lines of a stream, which end at a line feed only.

    JSON strings may contain the other characters at which Python splits lines.
    """
    if encoding.name != "utf-8":
        return _text_lines(decode_chunks(stream, encoding, path))
    stream.read(encoding.mark_bytes)
    return stream


def _text_lines(chunks: Iterable[str]) -> Iterator[str]:
    parts: list[str] = []
    for chunk in chunks:
        *ended, rest = chunk.split("\n")
        for line in ended:
            yield "".join((*parts, line, "\n"))
            parts.clear()
        parts.append(rest)
    last = "".join(parts)
    if last:
        yield last


_READERS: Mapping[Shape, Callable[[BinaryIO, Encoding, FileReport], Iterator[JsonValue]]] = {
    Shape.LIST: _read_list,
    Shape.DOCUMENT: _read_documents,
    Shape.LINES: _read_lines,
}
