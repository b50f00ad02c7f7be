"""Bytes -> text: recognising the encoding of a file, and decoding it part by part."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from dreaming.errors import UnreadableExport

# Bytes read at a time: a bound on memory.
CHUNK_BYTES = 1 << 20

# UTF-32 before UTF-16: the mark of the one begins with the mark of the other.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a file."""

    name: str
    mark_bytes: int
    """The length of the byte order mark, which is not part of the text."""


def recognise_encoding(sample: bytes) -> Encoding:
    """The encoding by a file's first bytes; UTF-8 if they show no other.

    JSON begins with an ASCII character, so UTF-16 without a mark has a zero byte beside it (RFC
    4627, section 3).
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return Encoding(name, len(mark))
    if len(sample) >= 2 and 0 in sample[:2] and any(sample[:2]):
        return Encoding("utf-16-le" if sample[1] == 0 else "utf-16-be", 0)
    return Encoding("utf-8", 0)


def decode_chunks(stream: BinaryIO, encoding: Encoding, path: str) -> Iterator[str]:
    """Decode a stream from its start, about a megabyte at a time.

    Lone surrogates pass: they are replaced, and counted, in the messages that have them. Raises
    UnreadableExport with the offset of the first invalid byte, after the text before it.
    """
    offset = len(stream.read(encoding.mark_bytes))
    decoder = codecs.getincrementaldecoder(encoding.name)("surrogatepass")
    while True:
        data = stream.read(CHUNK_BYTES)
        # Bytes of a character that the last read cut: the decoder puts them before `data`.
        pending_bytes = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            yield error.object[: error.start].decode(encoding.name, "surrogatepass")
            invalid_offset = offset - pending_bytes + error.start
            # `from None`: the cause would keep the text alive.
            raise not_in_encoding(path, encoding, invalid_offset) from None
        offset += len(data)
        if text:
            yield text
        if not data:
            return


def not_in_encoding(path: str, encoding: Encoding, offset: int) -> UnreadableExport:
    """The error for a byte that the file's encoding does not allow."""
    return UnreadableExport(
        f"{path!r} is not {encoding.name.upper()}: byte {offset:,} does not fit. "
        "Save it as UTF-8, or export it again; what comes before that byte is imported."
    )
