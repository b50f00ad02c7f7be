"""Zip archives, read without unpacking: which members may be read, and which are refused."""

import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from dreaming.errors import ImportFailure, UnreadableExport, UnsafeArchive

_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """The limits of an archive; one beyond them is taken for a zip bomb and not read."""

    max_members: int = 200_000
    max_total_bytes: int = 20 << 30
    """The unpacked size of all members to read.

    The declared sizes are enough: `zipfile` never yields more than a member declares.
    """
    max_ratio: int = 1_000
    """The unpacked to the packed size of a member; exports reach about 30."""
    ratio_from_bytes: int = 1 << 20
    """Members with a smaller unpacked size are harmless at any ratio."""


ARCHIVE_LIMITS = ArchiveLimits()


def check_archive(path: str, members: Sequence[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    """Raise UnsafeArchive when the members to read are too many or too large in all."""
    total = sum(member.file_size for member in members)
    if total > limits.max_total_bytes:
        raise UnsafeArchive(
            f"{path!r} unpacks to {total:,} bytes of JSON; at most {limits.max_total_bytes:,} are "
            "read. "
            "If you trust it, unpack it yourself and import the folder."
        )
    if len(members) > limits.max_members:
        raise UnsafeArchive(
            f"{path!r} has {len(members):,} members to read; at most {limits.max_members:,} are. "
            "If you trust it, unpack it yourself and import the folder."
        )


def refuse_member(
    path: str, member: zipfile.ZipInfo, limits: ArchiveLimits
) -> ImportFailure | None:
    """The error for a member that may not be read; None for one that may."""
    if _points_outside(member_path(member)):
        return UnsafeArchive(
            f"{path!r} is not read: its path leaves the archive. Export or download the archive "
            "again."
        )
    # The upper half of the attributes is the Unix file mode.
    if stat.S_ISLNK(member.external_attr >> 16):
        return UnsafeArchive(
            f"{path!r} is not read: it is a symbolic link. Put the file itself into the archive."
        )
    if member.flag_bits & _ENCRYPTED:
        return UnreadableExport(
            f"{path!r} is encrypted. Unpack it with its password and import the folder."
        )
    is_large = member.file_size > limits.ratio_from_bytes
    if is_large and member.file_size > limits.max_ratio * member.compress_size:
        return UnsafeArchive(
            f"{path!r} unpacks {member.compress_size:,} bytes to {member.file_size:,}, more than "
            f"{limits.max_ratio:,} times. If you trust it, unpack it yourself and import the "
            "folder."
        )
    return None


def member_path(member: zipfile.ZipInfo) -> PurePosixPath:
    """The member's path; some Windows tools write backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _points_outside(path: PurePosixPath) -> bool:
    if path.is_absolute() or ".." in path.parts:
        return True
    # A Windows drive is absolute there, but not to a POSIX path.
    return any(part.endswith(":") for part in path.parts[:1])
