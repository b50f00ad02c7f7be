"""Exports as HTML, which are recognised to be refused with advice."""

from dreaming.errors import UnknownExportFormat
from dreaming.importing.report import FileReport, SkipReason

_TAKEOUT_MARKS = (b"outer-cell", b"mdl-typography", b"myactivity.google.com")
_CHATGPT_MARKS = (b"ChatGPT Data Export", b"var jsonData")


def refuse_html(sample: bytes, report: FileReport) -> None:
    """Count ChatGPT's `chat.html` as skipped; raise UnknownExportFormat for any other HTML."""
    # `chat.html` is a copy of the JSON in the same archive.
    if any(mark in sample for mark in _CHATGPT_MARKS):
        report.skip(SkipReason.NO_CONVERSATIONS)
        return
    if any(mark in sample for mark in _TAKEOUT_MARKS):
        # With a format, this error is kept even where the archive has other conversations.
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
