"""Zips are read without unpacking and refused when unsafe; folders are walked in order."""

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from dreaming.importing import ArchiveLimits

from .conftest import Imported, as_bytes, import_paths

CLAUDE = [
    {
        "uuid": "c1",
        "name": "Tea",
        "chat_messages": [{"uuid": "m", "sender": "human", "text": "Tea?"}],
    }
]


def gpt(identity: str) -> dict[str, object]:
    message = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Tea?"]}}
    return {
        "id": identity,
        "current_node": "m",
        "mapping": {"m": {"id": "m", "parent": None, "message": message}},
    }


def zipped(path: Path, members: dict[str, object], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, as_bytes(content))
    return path


def errors_of(imported: Imported) -> list[str]:
    return [f"{error.type}: {error.message}" for error in imported.report.errors]


def test_a_chatgpt_zip_gives_its_conversations_and_forgives_what_lies_beside_them(
    tmp_path: Path,
) -> None:
    path = zipped(
        tmp_path / "gpt.zip",
        {
            "conversations.json": [gpt("c1")],
            "user.json": {"id": "u", "email": "a@example.org", "chatgpt_plus_user": True},
            "something_new.json": [{"surprise": 1}],
            "chat.html": "<html><head><title>ChatGPT Data Export</title></head></html>",
            "image.png": b"\x89PNG",
        },
    )
    imported = import_paths(path)
    assert imported.conversation.id == "chatgpt:c1"
    assert imported.report.errors == []
    assert imported.skipped == {"no_conversations": 3, "other_file": 1}
    assert f"{path}!conversations.json" in [file.path for file in imported.report.files]


def test_a_chatgpt_zip_of_shards_gives_all_of_them(tmp_path: Path) -> None:
    shards: dict[str, object] = {
        f"conversations-{number:03}.json": [gpt(f"c{number}")] for number in range(3)
    }
    imported = import_paths(
        zipped(tmp_path / "gpt.zip", shards | {"export_manifest.json": {"files": []}})
    )
    assert [found.id for found in imported.conversations] == [
        "chatgpt:c0",
        "chatgpt:c1",
        "chatgpt:c2",
    ]
    assert imported.report.errors == []


def test_a_claude_zip_gives_its_conversations_whatever_the_file_is_called(tmp_path: Path) -> None:
    users = [{"uuid": "u", "full_name": "Mia", "email_address": "mia@example.org"}]
    projects = [{"uuid": "p", "name": "Tea", "prompt_template": "", "docs": []}]
    members: dict[str, object] = {
        "data/x.json": CLAUDE,
        "users.json": users,
        "projects.json": projects,
    }
    imported = import_paths(zipped(tmp_path / "claude.zip", members))
    assert imported.conversation.id == "claude_ai:c1"
    assert imported.skipped == {"no_conversations": 2}
    folder = tmp_path / "unzipped"
    folder.mkdir()
    for name, content in members.items():
        (folder / Path(name).name).write_bytes(as_bytes(content))
    assert import_paths(folder).skipped == {"no_conversations": 2}


def test_a_zip_without_any_known_format_says_so(tmp_path: Path) -> None:
    errors = errors_of(import_paths(zipped(tmp_path / "x.zip", {"a.json": {"b": 1}})))
    assert len(errors) == 1
    assert errors[0].startswith("UnknownExportFormat: ")


def test_a_zip_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.json", {"conversations.json": CLAUDE})
    assert import_paths(path).conversation.id == "claude_ai:c1"


def test_a_truncated_zip_and_a_file_that_is_none_are_errors(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {"conversations.json": CLAUDE}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.zip").write_bytes(b"hello")
    for name in ("cut.zip", "no.zip"):
        errors = errors_of(import_paths(tmp_path / name))
        assert len(errors) == 1
        assert errors[0].startswith("UnreadableExport: ")


def test_a_member_with_flipped_bytes_is_an_error(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"conversations.json": CLAUDE}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"Tea?", b"Pea?", 1))
    assert "CRC" in errors_of(import_paths(path))[0]


@pytest.mark.parametrize(
    "name",
    ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:\\evil.json", "..\\evil.json"],
)
def test_members_that_point_outside_are_refused_and_the_others_read(
    tmp_path: Path, name: str
) -> None:
    imported = import_paths(zipped(tmp_path / "a.zip", {name: CLAUDE, "good.json": CLAUDE}))
    assert len(imported.conversations) == 1
    assert [error.split(":")[0] for error in errors_of(imported)] == ["UnsafeArchive"]


def test_a_member_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "symbolic link" in errors_of(import_paths(tmp_path / "a.zip"))[0]


def test_a_bomb_is_refused_by_its_density(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"a.json": b"[" + b" " * 50_000_000 + b"]"})
    limits = ArchiveLimits(max_ratio=500)
    errors = errors_of(import_paths(path, archive_limits=limits))
    assert errors[0].startswith("UnsafeArchive: ")
    assert "more than 500 times" in errors[0]


def test_an_archive_with_too_much_in_all_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.json": CLAUDE, "b.json": CLAUDE})
    for limits in (ArchiveLimits(max_total_bytes=100), ArchiveLimits(max_members=1)):
        imported = import_paths(path, archive_limits=limits)
        assert imported.conversations == []
        assert errors_of(imported)[0].startswith("UnsafeArchive: ")


def test_an_encrypted_member_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.json": CLAUDE})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert "is encrypted" in errors_of(import_paths(path))[0]


def test_an_archive_in_an_archive_is_counted(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.json": CLAUDE}).read_bytes()
    imported = import_paths(zipped(tmp_path / "outer.zip", {"inner.zip": inner, "a.json": CLAUDE}))
    assert imported.skipped == {"nested_archive": 1}


def test_a_folder_is_walked_in_order_and_other_files_are_counted(tmp_path: Path) -> None:
    for name in ("b/2.json", "a/1.json", "a/.hidden.json", ".git/3.json", "notes.txt", "c.JSONL"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(gpt(name)))
    imported = import_paths(tmp_path)
    assert [found.id for found in imported.conversations] == [
        "chatgpt:c.JSONL",
        "chatgpt:a/1.json",
        "chatgpt:b/2.json",
    ]
    assert imported.skipped == {"other_file": 2}


def test_a_file_that_is_given_is_read_whatever_its_ending_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text(json.dumps([gpt("c1")]))
    (tmp_path / "link.json").symlink_to(path)
    imported = import_paths(path, path, tmp_path)
    assert imported.conversation.id == "chatgpt:c1"
    assert imported.skipped == {"duplicate_file": 2, "other_file": 1}


def test_a_named_pipe_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    assert import_paths(tmp_path).skipped == {"other_file": 1}
    assert len(import_paths(tmp_path / "pipe.json").report.errors) == 1


def test_other_html_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<html>Tea</html>")
    errors = errors_of(import_paths(tmp_path / "a.html"))
    assert errors[0].startswith("UnknownExportFormat: ")
    assert "is HTML" in errors[0]
