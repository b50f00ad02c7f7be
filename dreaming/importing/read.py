"""Reading exports: every path, file and archive in turn; an error in one stops no other."""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from dreaming.conversation import Conversation
from dreaming.errors import ImportFailure, UnknownExportFormat, UnreadableExport, UnsafeArchive
from dreaming.importing.archives import (
    ARCHIVE_LIMITS,
    ArchiveLimits,
    check_archive,
    member_path,
    refuse_member,
)
from dreaming.importing.entries import read_entries
from dreaming.importing.files import ExportFile, find_files, is_export_name
from dreaming.importing.finishing import Finisher
from dreaming.importing.html_exports import refuse_html
from dreaming.importing.json_values import JsonObject, JsonValue
from dreaming.importing.layout import SAMPLE_BYTES, Shape, recognise_layout
from dreaming.importing.recognition import is_companion, recognise_format, unknown_format
from dreaming.importing.report import FileReport, ImportReport, SkipReason

_ZIP_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")
# Raised by the operating system, zlib and zipfile for data that is damaged or cannot be read.
_READ_ERRORS = (
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    NotImplementedError,
    RecursionError,
)
# A damaged directory of an archive makes zipfile raise these too.
_ARCHIVE_ERRORS = (*_READ_ERRORS, ValueError, struct.error)


def read_exports(
    paths: Iterable[Path], report: ImportReport, *, archive_limits: ArchiveLimits = ARCHIVE_LIMITS
) -> Iterator[Conversation]:
    """Read the conversations of export files, folders of them and zip archives, one at a time.

    Nothing that is wrong with a path, file or entry is raised: it is recorded in `report`, which is
    complete when the iteration ends. The same files give the same conversations with the same ids.
    """
    finisher = Finisher()
    seen: set[str] = set()
    for path in paths:
        for file in find_files(Path(path), report):
            # By real path: a folder may be given beside a file in it, or through a symbolic link.
            real_path = os.path.realpath(file)
            if real_path in seen:
                report.add(str(file)).skip(SkipReason.DUPLICATE_FILE)
                continue
            seen.add(real_path)
            yield from _read_path(file, report, finisher, archive_limits)


def _read_path(
    path: Path, report: ImportReport, finisher: Finisher, limits: ArchiveLimits
) -> Iterator[Conversation]:
    try:
        with path.open("rb") as stream:
            beginning = stream.read(4)
    except OSError as error:
        report.add(str(path)).fail(_unreadable(str(path), error))
        return
    # A damaged archive, which does not begin as one, is known by its name.
    if beginning in _ZIP_BEGINNINGS or path.suffix.lower() == ".zip":
        yield from _read_archive(path, report, finisher, limits)
        return
    file = ExportFile(str(path), lambda: path.open("rb"))
    yield from read_file(file, report.add(str(path)), finisher)


def _read_archive(
    path: Path, report: ImportReport, finisher: Finisher, limits: ArchiveLimits
) -> Iterator[Conversation]:
    archive_report = report.add(str(path))
    try:
        archive = zipfile.ZipFile(path)
    except _ARCHIVE_ERRORS as error:
        archive_report.fail(_unreadable(str(path), error))
        return
    member_reports: list[FileReport] = []
    with archive:
        for member in _wanted_members(archive, archive_report, limits):
            member_report = report.add(f"{path}!{member.filename}")
            member_reports.append(member_report)
            yield from _read_member(archive, member, member_report, finisher, limits)
    _forgive_companions(member_reports)


def _wanted_members(
    archive: zipfile.ZipFile, report: FileReport, limits: ArchiveLimits
) -> list[zipfile.ZipInfo]:
    files = [member for member in archive.infolist() if not member.is_dir()]
    wanted = [member for member in files if is_export_name(member_path(member))]
    report.skip(SkipReason.OTHER_FILE, len(files) - len(wanted))
    try:
        check_archive(report.path, wanted, limits)
    except UnsafeArchive as error:
        report.fail(error)
        return []
    return sorted(wanted, key=lambda member: member.filename)


def _read_member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    report: FileReport,
    finisher: Finisher,
    limits: ArchiveLimits,
) -> Iterator[Conversation]:
    refusal = refuse_member(report.path, member, limits)
    if refusal:
        report.fail(refusal)
    elif member_path(member).suffix.lower() == ".zip":
        report.skip(SkipReason.NESTED_ARCHIVE)
    else:
        file = ExportFile(report.path, lambda: _open_member(archive, member))
        yield from read_file(file, report, finisher)


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    try:
        return cast(BinaryIO, archive.open(member))
    except (ValueError, struct.error) as error:
        # A damaged header, raised as an error that readers of files expect (`_READ_ERRORS`).
        raise zipfile.BadZipFile(str(error)) from error


def _forgive_companions(reports: list[FileReport]) -> None:
    """Turn the errors of files in unknown formats into skips, if the archive has a known export.

    Vendors put other files beside the conversations.
    """
    if not any(report.conversations for report in reports):
        return
    for report in reports:
        error_types = [error.type for error in report.errors]
        if report.format is None and error_types == [UnknownExportFormat.__name__]:
            report.errors.clear()
            report.skip(SkipReason.NO_CONVERSATIONS)


def read_file(file: ExportFile, report: FileReport, finisher: Finisher) -> Iterator[Conversation]:
    """Read the conversations of one file that is not an archive; errors go into `report`."""
    try:
        with file.open() as stream:
            sample = stream.read(SAMPLE_BYTES)
        layout = recognise_layout(sample, file.path)
        if layout.shape is Shape.HTML:
            refuse_html(sample, report)
            return
        # Opened again, because the sample is part of the entries too.
        with file.open() as stream:
            entries = _until_broken(read_entries(stream, layout, report), report)
            yield from _read_conversations(entries, report, finisher)
    except ImportFailure as error:
        report.fail(error)
    except _READ_ERRORS as error:
        report.fail(_unreadable(file.path, error))


def _until_broken(entries: Iterator[JsonValue], report: FileReport) -> Iterator[JsonValue]:
    """The entries before the file breaks, so that the format can finish its conversations."""
    try:
        yield from entries
    except ImportFailure as error:
        report.fail(error)
    except _READ_ERRORS as error:
        report.fail(_unreadable(report.path, error))


def _read_conversations(
    entries: Iterator[JsonValue], report: FileReport, finisher: Finisher
) -> Iterator[Conversation]:
    export_format, entries, sample = recognise_format(entries)
    if export_format is None:
        _record_unknown(sample, report)
        return
    report.format = export_format.name
    for draft in export_format.read(_objects(entries, report), report):
        conversation = finisher.finish(draft, export_format, report)
        if conversation is not None:
            yield conversation


def _record_unknown(sample: list[JsonValue], report: FileReport) -> None:
    is_empty = not (sample or report.errors or report.unreadable_lines)
    if is_companion(sample) or is_empty:
        report.skip(SkipReason.NO_CONVERSATIONS)
    elif sample:
        report.fail(unknown_format(report.path, sample))
    elif report.unreadable_lines and not report.errors:
        error = UnreadableExport(
            f"{report.path!r} has no line of valid JSON; the first problem is at "
            f"{report.unreadable_lines[0]}. Export or download it again."
        )
        report.fail(error)


def _objects(entries: Iterable[JsonValue], report: FileReport) -> Iterator[JsonObject]:
    for entry in entries:
        if isinstance(entry, dict):
            yield entry
        else:
            report.skip(SkipReason.NOT_A_CONVERSATION)


def _unreadable(path: str, error: BaseException) -> UnreadableExport:
    return UnreadableExport(
        f"{path!r} cannot be read to its end: {type(error).__name__}: {error}. Check it, or "
        "download it again."
    )
