"""Export files to conversations: pure reading, one conversation at a time, nothing stored.

    read.py            read_exports: paths -> files and archives -> conversations
    report.py          ImportReport: what was read, skipped (and why) and not readable
    files.py           which files of a folder are looked at
    archives.py        which members of a zip may be read
    html_exports.py    HTML is refused, with advice
    encoding.py        bytes -> text
    layout.py          list, document, lines or HTML
    text_window.py     text -> one JSON value at a time
    entries.py         a file -> its entries
    recognition.py     entries -> their format, by content
    export_format.py   what a format is
    formats/           one file per format, and the registry FORMATS
    json_values.py     JSON of unknown shape
    times.py           times in any notation -> aware UTC
    blocks.py          the content blocks of vendors' APIs -> pieces of messages
    branches.py        a tree of messages -> its active branch
    draft.py           a conversation as its source says it
    finishing.py       draft -> Conversation: ids, storable characters, times

A new format is one new file in `formats` and one entry in its registry. What belongs elsewhere:
which of two versions of a conversation wins, days, and stores (`dreaming.storage`). What users must
know stands in docs/importing.md.
"""

from dreaming.importing.archives import ArchiveLimits
from dreaming.importing.formats import FORMATS
from dreaming.importing.read import read_exports
from dreaming.importing.report import FileError, FileReport, ImportReport, SkipReason

__all__ = [
    "FORMATS",
    "ArchiveLimits",
    "FileError",
    "FileReport",
    "ImportReport",
    "SkipReason",
    "read_exports",
]
