"""The command, as people type it: what it says, and its exit codes."""

import json
import os
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import dreaming
from dreaming.cli import cli
from dreaming.home import open_home
from dreaming.remembering.search import MAX_LIMIT
from dreaming.settings import Settings
from dreaming.testing import make_conversation


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Calls the command in a home of the test's own."""
    monkeypatch.setenv("DREAMING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DREAMING_TIMEZONE", "UTC")

    def call(*arguments, stdin=None, exit_code=0):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)
        assert result.exit_code == exit_code, result.output
        return result

    return call


def write_chat(
    path, *, conversation_id="chat-1", said=("Where is the lighthouse?", "North of it."), **fields
):
    """An export in our own JSONL."""
    messages = [
        {"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(said)
    ]
    row = {
        "conversation_id": conversation_id,
        "started_at": "2026-03-01T09:00:00Z",
        "messages": messages,
    } | fields
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


def run_pending():
    with open_home(Settings.from_environment()) as home:
        for day in home.archive.pending_days():
            home.pipeline.run_day(day)


def test_an_import_twice_adds_nothing_the_second_time(command, tmp_path):
    """And says so as JSON."""
    chat = write_chat(tmp_path / "chat.jsonl")
    first = json.loads(command("import", "--json", chat).stdout)
    assert (first["added"], first["new_messages"], first["days"]) == (1, 2, ["2026-03-01"])
    second = json.loads(command("import", "--json", chat).stdout)
    assert (second["added"], second["updated"], second["unchanged"], second["days"]) == (
        0,
        0,
        1,
        [],
    )


def test_a_whole_folder_of_foreign_exports_a_second_time_adds_nothing(command):
    """Whatever program they are from, and whatever in them cannot be read."""
    data = os.environ.get("DREAMING_TEST_DATA")
    if not data:
        pytest.skip("DREAMING_TEST_DATA is not set: foreign exports were not imported twice")
    first = json.loads(command("import", "--json", Path(data) / "exports", exit_code=1).stdout)
    assert first["added"] >= 30
    second = json.loads(command("import", "--json", Path(data) / "exports", exit_code=1).stdout)
    assert (second["added"], second["updated"], second["new_messages"], second["days"]) == (
        0,
        0,
        0,
        [],
    )


def test_one_broken_file_does_not_stop_the_others(command, tmp_path):
    """It is named, the rest is there, and the exit code says that something failed."""
    folder = tmp_path / "exports"
    folder.mkdir()
    write_chat(folder / "good.jsonl")
    (folder / "broken.json").write_text('[{"title": "cut off')
    (folder / "strange.json").write_text('{"some": "thing"}')
    with zipfile.ZipFile(folder / "cut.zip", "w") as archive:
        archive.writestr("conversations.json", "[]" * 1000)
    (folder / "cut.zip").write_bytes((folder / "cut.zip").read_bytes()[:-30])
    result = command("import", folder, exit_code=1)
    said = " ".join(result.stdout.split())
    assert "1 conversations added" in said
    for name in ("broken.json", "strange.json", "cut.zip"):
        assert name in said.replace(" ", "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bom.jsonl", "\ufeff{row}".encode(), ["hello"]),
        ("utf16.jsonl", "{row}".encode("utf-16"), ["hello"]),
        (
            "surrogate.jsonl",
            rb'{"conversation_id":"c","messages":[{"role":"user","content":"a\ud800b"}]}',
            ["a\ufffdb"],
        ),
        (
            "nul.jsonl",
            rb'{"conversation_id":"c","messages":[{"role":"user","content":"a\u0000b"}]}',
            ["a\ufffdb"],
        ),
        (
            "crlf.jsonl",
            rb'{"conversation_id":"c","messages":[{"role":"user","content":"a\r\nb"}]}',
            ["a\r\nb"],
        ),
        (
            "emoji.jsonl",
            '{"conversation_id":"c","messages":[{"role":"user","content":"👩‍👩‍👧‍👦"}]}'.encode(),
            ["👩‍👩‍👧‍👦"],
        ),
        (
            "past.jsonl",
            b'{"conversation_id":"c","started_at":"1066-10-14","messages":[{"role":"user","content":"x"}]}',
            ["x"],
        ),
        (
            "far.jsonl",
            b'{"conversation_id":"c","started_at":"9999-12-31","messages":[{"role":"user","content":"x"}]}',
            ["x"],
        ),
        (
            "huge.jsonl",
            b'{"conversation_id":"c","messages":[{"role":"user","content":"'
            + b"word " * 400_000
            + b'"}]}',
            None,
        ),
    ],
)
def test_odd_files_become_searchable_chunks_all_the_same(command, tmp_path, name, content, said):
    """Byte order marks, surrogates, NUL, CRLF, emoji, no times, times out of this world, a message
    of 2 MB.
    """
    row = '{"conversation_id":"c","messages":[{"role":"user","content":"hello"}]}'
    path = tmp_path / name
    path.write_bytes(content.replace(b"{row}", row.encode()) if b"{row}" in content else content)
    if name == "utf16.jsonl":
        path.write_bytes(row.encode("utf-16"))
    command("import", path)
    run_pending()
    frame = dreaming.read_chunks()
    if said is not None:
        assert frame["content"].tolist() == said
    else:
        assert sum(frame["content"].str.len()) == 2_000_000
        assert frame["token_count"].max() <= 800


def test_an_empty_conversation_is_a_counted_skip(command, tmp_path):
    """Not an error."""
    found = json.loads(
        command("import", "--json", write_chat(tmp_path / "empty.jsonl", said=())).stdout
    )
    assert (found["added"], sum(found["skipped"].values())) == (0, 1)


def test_a_home_that_cannot_be_written_is_a_clear_error(command, tmp_path, monkeypatch):
    """Naming the folder and the variable."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DREAMING_HOME", str(tmp_path / "file" / "home"))
    result = command("status", exit_code=1)
    assert "DREAMING_HOME" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DREAMING_TIMEZONE", "Mars/Olympus"),
        ("DREAMING_START_DATE", "yesterday"),
        ("DREAMING_DATABASE_URL", "mysql://localhost/x"),
        ("DREAMING_DATABASE_URL", "postgresql://me:hunter2@localhost:hunter2/x"),
        ("DREAMING_STORE", "s3://bucket/dreams"),
        ("DREAMING_STORE", "sftp://me:hunter2@localhost/dreams"),
        ("DREAMING_REMEMBER_QUERIES", "perhaps"),
        ("DREAMING_SOURCE_URL", "sqlite:///x"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_value(command, monkeypatch, name, value):
    """Exit code 2, no traceback."""
    monkeypatch.setenv(name, value)
    result = command("status", exit_code=2)
    assert "hunter2" not in result.stderr
    assert name.split("_URL")[0] in result.stderr or value in result.stderr
    assert "Traceback" not in result.stderr


def test_search_shows_where_a_hit_is_from_and_the_conversation_around_it(command, tmp_path):
    """For people and, as JSON, for programs."""
    command("import", write_chat(tmp_path / "chat.jsonl"))
    run_pending()
    shown = command("search", "lighthouse", "--around", "1").stdout
    assert "2026-03-01" in shown
    assert "chat-1" in shown
    assert "> North of it." in shown
    [hit] = json.loads(command("search", "lighthouse", "--json").stdout)
    assert hit["text"] == "Where is the lighthouse?\n\nNorth of it."
    assert hit["day"] == "2026-03-01"
    assert json.loads(command("search", "lighthouse", "--json", "--language", "zh").stdout) == []
    assert "Nothing found" in command("search", "aardvark").stdout


def test_chat_text_cannot_steer_the_terminal(command, tmp_path):
    """Escape sequences, markup and reversed reading are shown as what they are."""
    hostile = "lighthouse \x1b[31mred\x1b[0m [bold]x[/bold] \u202eevil"
    command("import", write_chat(tmp_path / "chat.jsonl", said=[hostile]))
    run_pending()
    shown = command("search", "lighthouse", "--around", "1").stdout
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown
    assert "[bold]x[/bold]" in shown


@pytest.mark.parametrize(
    ("option", "value", "possible"),
    [
        ("--around", -1, "0<=x<=100"),
        ("--around", 101, "0<=x<=100"),
        ("--limit", 0, "1<=x<=1000"),
        ("--limit", MAX_LIMIT + 1, "1<=x<=1000"),
    ],
)
def test_a_search_for_too_much_or_too_little_is_refused(command, option, value, possible):
    """Naming what is possible."""
    assert possible in command("search", "lighthouse", option, value, exit_code=2).stderr


def test_a_search_over_days_the_wrong_way_round_is_refused(command):
    """Rather than to find nothing."""
    assert (
        "is empty"
        in command("search", "x", "--from", "2026-03-02", "--to", "2026-03-01", exit_code=2).stderr
    )


def test_a_file_name_that_is_not_utf_8_is_imported_and_written_as_json(command, tmp_path):
    """JSON's own escape gives the name back."""
    chat = write_chat(tmp_path / os.fsdecode(b"caf\xe9.jsonl"))
    [file] = json.loads(command("import", "--json", chat).stdout)["files"]
    assert os.fsencode(file["path"]) == os.fsencode(chat)
    assert "1 as they were" in " ".join(command("import", chat).stdout.split())


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_an_export_holds_every_chunk(command, tmp_path, ending):
    """In a form that pandas reads."""
    command("import", write_chat(tmp_path / "chat.jsonl"))
    run_pending()
    target = tmp_path / f"chunks.{ending}"
    command("export", target)
    read = {
        "parquet": pd.read_parquet,
        "csv": pd.read_csv,
        "jsonl": lambda p: pd.read_json(p, lines=True),
    }[ending]
    frame = read(target)
    assert frame["content"].tolist() == ["Where is the lighthouse?\n\nNorth of it."]
    assert frame.columns.tolist() == dreaming.read_chunks().columns.tolist()


def test_an_export_to_an_unknown_ending_is_refused(command, tmp_path):
    """Naming those that are known."""
    assert ".parquet, .jsonl, .csv" in command("export", tmp_path / "x.xlsx", exit_code=2).stderr


def test_read_chunks_takes_days_and_a_filter(command, tmp_path):
    """A pandas DataFrame, a row a chunk."""
    with open_home(Settings.from_environment()) as home:
        home.archive.add([make_conversation(["旅行の計画"], conversation_id="ja")])
    command("import", write_chat(tmp_path / "chat.jsonl", started_at="2026-03-02T09:00:00Z"))
    run_pending()
    assert len(dreaming.read_chunks()) == 2
    assert dreaming.read_chunks("2026-03-01")["conversation_id"].tolist() == ["ja"]
    assert len(dreaming.read_chunks(("2026-03-01", "2026-03-02"))) == 2
    assert dreaming.read_chunks(filter=dreaming.ChunkFilter(languages=("en",)))[
        "conversation_id"
    ].tolist() == ["chat-1"]
    assert dreaming.read_chunks("2020-01-01").empty


def test_segment_reads_dialogues_and_writes_boundaries(command):
    """Line by line, ids kept."""
    turns = [{"speaker": "user", "text": "hi"}, {"speaker": "assistant", "text": "hello"}]
    lines = "\n".join(json.dumps({"id": n, "turns": turns[:n]}) for n in range(3))
    out = [json.loads(line) for line in command("segment", stdin=lines).stdout.splitlines()]
    assert [row["id"] for row in out] == [0, 1, 2]
    assert all(0 < i < 2 for row in out for i in row["boundaries"])


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": 1}', '{"id": 1, "turns": [{"speaker": "user"}]}', "null"]
)
def test_segment_refuses_what_is_no_dialogue(command, line):
    """Naming the line and what was expected."""
    assert "Line 1 is no dialogue; expected" in command("segment", stdin=line, exit_code=2).stderr


def test_status_says_what_is_held_and_what_waits(command, tmp_path):
    """Before and after a run."""
    command("import", write_chat(tmp_path / "chat.jsonl"))
    before = json.loads(command("status", "--json").stdout)
    assert (before["days_waiting"], before["chunks_searchable"]) == (["2026-03-01"], 0)
    run_pending()
    after = json.loads(command("status", "--json").stdout)
    assert (after["days_waiting"], after["chunks_searchable"]) == ([], 1)
    assert "1 chunks of 1 days" in command("status").stdout


def test_another_time_zone_moves_the_days(command, tmp_path, monkeypatch):
    """And says what comes next."""
    command("import", write_chat(tmp_path / "chat.jsonl", started_at="2026-03-01T20:00:00Z"))
    monkeypatch.setenv("DREAMING_TIMEZONE", "Asia/Tokyo")
    assert "dreaming timezone Asia/Tokyo" in " ".join(command("status", exit_code=2).stderr.split())
    assert "Next: dreaming run" in command("timezone", "Asia/Tokyo").stdout
    run_pending()
    assert dreaming.read_chunks("2026-03-02")["conversation_id"].tolist() == ["chat-1"]
    assert "unknown" in command("timezone", "Nowhere", exit_code=2).stderr


def test_search_is_the_same_from_the_terminal_and_from_python(command, tmp_path):
    """Hits and budgets; the assistant's tool is held to it beside its other tests."""
    command(
        "import",
        write_chat(
            tmp_path / "chat.jsonl", said=["Where is the old lighthouse?", "North of the harbour."]
        ),
    )
    run_pending()
    for options, given in (
        ([], {}),
        (["--budget-words", "20"], {"budget_words": 20}),
        (["--limit", "1"], {"limit": 1}),
    ):
        told = json.loads(command("search", "old lighthouse", "--json", *options).stdout)
        hits = dreaming.search("old lighthouse", **given)
        assert [hit["chunk_id"] for hit in told] == [hit.chunk.chunk_id for hit in hits]
        assert [(hit["text"], hit["score"]) for hit in told] == [
            (hit.text, hit.score) for hit in hits
        ]
    assert {
        "chunk_id",
        "conversation_id",
        "day",
        "score",
        "text",
        "spans",
        "labels",
        "quality_level",
    } <= told[0].keys()
    read = command("search", "old lighthouse", "--budget-words", "20").stdout
    assert (
        read.splitlines()
        == dreaming.search("old lighthouse", budget_words=20)[0].reading.splitlines()
    )


def test_a_budget_that_shows_nothing_is_refused(command):
    """The message says what is enough."""
    assert "20" in command("search", "word", "--budget-words", "3", exit_code=2).stderr
