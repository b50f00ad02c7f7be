"""Export files -> conversations: reading only, one conversation at a time; nothing is stored.

A file has a layout (a list, a document, lines) and holds entries, which are JSON objects. The first
entry of a known shape decides the format, and the format turns entries into drafts: conversations
as the source has them. Finishing gives a draft its ids and storable characters. Files may be
damaged, huge or hostile: nothing wrong with one stops the others, only one entry is held at a time,
and everything that is left out is counted in the report, with a reason.

    read.py            `read_exports`: paths -> files and archives -> conversations
    report.py          `ImportReport`: what was read, what was skipped and why, and the errors
    files.py           which files of a folder are read
    archives.py        which members of a zip may be read
    html_exports.py    refusing HTML, with advice
    encoding.py        bytes -> text
    layout.py          the layout of a file: list, document, lines or HTML
    text_window.py     text -> one JSON value at a time
    entries.py         a file -> its entries
    recognition.py     entries -> their format, by content
    export_format.py   the interface of a format
    formats/           one file per format, and the registry FORMATS
    json_values.py     JSON of unknown shape
    times.py           times in any notation -> UTC
    blocks.py          the content blocks of vendors' APIs -> parts of messages
    branches.py        a tree of messages -> its active branch
    draft.py           a conversation as its source has it
    finishing.py       draft -> `Conversation`: ids, storable characters, times

A new format is one new file in `formats` and one entry in its registry. Not here: which of two
versions of a conversation wins, days, and stores (`dreaming.storage`). docs/importing.md is for
users.
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
