"""The text of an HTML fragment: Takeout has Gemini's answers as HTML only."""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset({"p", "div", "br", "li", "ul", "ol", "pre", "table", "tr", "blockquote", "hr"})
_BLOCKS |= {f"h{level}" for level in range(1, 7)}
# Nested blocks give many line breaks in a row, of which no more than a blank line is kept.
_MANY_NEWLINES = re.compile(r"\n{3,}")


class _TextCollector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def html_to_text(html: str) -> str:
    """The text without tags, its entities decoded, each block on its own lines."""
    collector = _TextCollector()
    collector.feed(html)
    collector.close()
    return _MANY_NEWLINES.sub("\n\n", "".join(collector.parts)).strip()
