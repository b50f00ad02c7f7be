"""Exports as HTML: recognised in order to be refused with advice."""

from dreaming.errors import UnknownExportFormat
from dreaming.importing.report import FileReport, SkipReason

_TAKEOUT_MARKS = (b"outer-cell", b"mdl-typography", b"myactivity.google.com")
_CHATGPT_MARKS = (b"ChatGPT Data Export", b"var jsonData")


def refuse_html(sample: bytes, report: FileReport) -> None:
    """Count ChatGPT's `chat.html`, a copy of its JSON; raise UnknownExportFormat for any other
    HTML.
    """
    if any(mark in sample for mark in _CHATGPT_MARKS):
        report.skip(SkipReason.NO_CONVERSATIONS)
        return
    if any(mark in sample for mark in _TAKEOUT_MARKS):
        report.format = "gemini_takeout"
        raise UnknownExportFormat(
            f"{report.path!r} is a Google Takeout in HTML, which does not keep who said what. In "
            "Takeout, under "
            "'My Activity', choose Gemini Apps and the format JSON, and import its MyActivity.json."
        )
    raise UnknownExportFormat(
        f"{report.path!r} is HTML; expected JSON. Export the conversations as JSON and import "
        "that file."
    )
