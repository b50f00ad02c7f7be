"""A folder that is watched."""

import json
import os
from datetime import date

from dreaming.home import open_home
from dreaming.testing import make_settings


def write(path, *said):
    messages = [{"role": "user", "content": text} for text in said]
    row = {"conversation_id": path.stem, "started_at": "2026-03-01T09:00:00Z", "messages": messages}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(row) + "\n")


def test_new_and_grown_files_are_imported_once(tmp_path):
    """Also in subfolders; what has not changed is not even opened."""
    inbox = tmp_path / "inbox"
    write(inbox / "sub" / "one.jsonl", "hello")
    (inbox / "notes.txt").write_text("no export")
    (inbox / ".hidden.json").write_text("[]")
    with open_home(make_settings(tmp_path / "home"), folders=[inbox]) as home:
        [folder] = home.pipeline.folders
        assert folder.refresh()[1].added == 1
        assert folder.news() == []
        write(inbox / "sub" / "one.jsonl", "hello", "again")
        assert folder.refresh()[1].updated == 1
        [talk] = home.archive.read_day(date(2026, 3, 1))
        assert [m.content for m in talk.messages] == ["hello", "again"]


def test_a_file_that_cannot_be_read_is_reported_and_tried_again_when_it_changes(tmp_path):
    """The others are imported all the same."""
    inbox = tmp_path / "inbox"
    write(inbox / "good.jsonl", "hello")
    (inbox / "half.json").write_text('[{"title": ')
    with open_home(make_settings(tmp_path / "home"), folders=[inbox]) as home:
        [folder] = home.pipeline.folders
        read, stored = folder.refresh()
        assert (len(read.errors), stored.added) == (1, 1)
        assert folder.news() == []
        write(inbox / "half.json", "now whole")
        assert [state.path.name for state in folder.news()] == ["half.json"]
        assert folder.refresh()[1].added == 1


def test_a_folder_that_cannot_be_read_stops_nothing(tmp_path):
    """The other folders are imported, and the days run."""
    write(tmp_path / "inbox" / "one.jsonl", "hello")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with open_home(make_settings(tmp_path / "home"), folders=[loop, tmp_path / "inbox"]) as home:
        home.pipeline.refresh()
        assert home.pipeline.waiting_days() == [date(2026, 3, 1)]


def test_a_folder_that_is_not_there_yet_is_empty(tmp_path):
    """It may come later."""
    with open_home(make_settings(tmp_path / "home"), folders=[tmp_path / "later"]) as home:
        home.pipeline.refresh()
        assert home.pipeline.waiting_days() == []


def test_a_file_name_that_is_not_utf_8_is_imported_once(tmp_path):
    """A name is bytes; the database is told it in escapes."""
    inbox = tmp_path / "inbox"
    write(inbox / os.fsdecode(b"caf\xe9.jsonl"), "hello")
    write(inbox / "caf\u00e9.jsonl", "hello too")
    with open_home(make_settings(tmp_path / "home"), folders=[inbox]) as home:
        [folder] = home.pipeline.folders
        assert folder.refresh()[1].added == 2
        assert folder.news() == []
