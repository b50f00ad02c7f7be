"""What is written is its owner's alone, and what listens does so
on loopback, whatever the umask.
"""

import ast
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import dreaming.samples
from dagster_project import webserver
from dagster_project.mcp import serving as mcp_serving
from dreaming.page import serving
from dreaming.testing.fake_vendor import FakeVendor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def command(tmp_path):
    """The command as a shell starts it, with a umask that lets others read."""
    with FakeVendor() as vendor:
        environment = os.environ | {
            "DREAMING_HOME": str(tmp_path / "home"),
            "DREAMING_TIMEZONE": "UTC",
            "ANTHROPIC_API_KEY": "sk-fake",
            "ANTHROPIC_BASE_URL": vendor.url,
        }
        environment.pop("DAGSTER_HOME", None)

        def call(*arguments):
            started = [sys.executable, "-m", "dagster_project", *map(str, arguments)]
            done = subprocess.run(
                started,
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                umask=0o022,
                check=False,
            )
            assert done.returncode in (0, 3), done.stderr
            return done.stdout

        yield call


def open_to_others(folder):
    return [
        path for path in (folder, *folder.rglob("*")) if stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]


@pytest.mark.long
def test_nothing_in_the_home_and_no_export_is_open_to_others(tmp_path, command):
    """After an import, a run, an upgrade, a search and an export: databases, partitions, Dagster's
    records and logs.
    """
    (tmp_path / "home").mkdir(mode=0o755)
    command("import", *dreaming.samples.FILES)
    command("run")
    command("upgrade", "--quality", "good", "--max-tokens", "30000")
    command("search", "tea")
    for name in ("out.jsonl", "out.parquet", "out.csv"):
        command("export", name)
    written = {path.suffix for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert written >= {".sqlite", ".parquet", ".lock", ".yaml", ".db"}
    assert open_to_others(tmp_path / "home") == []
    assert [
        path
        for name in ("jsonl", "parquet", "csv")
        for path in open_to_others(tmp_path / f"out.{name}")
    ] == []


def test_everything_listens_on_loopback():
    """The UI, the page and MCP over HTTP; no source names another address to listen on."""
    assert {serving.HOST, mcp_serving.HOST, webserver.HOST} == {"127.0.0.1"}
    with serving.listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
    for folder in ("dreaming", "dagster_project", "assets", "resources"):
        for file in (ROOT / folder).rglob("*.py"):
            texts = {
                node.value
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Constant)
            }
            assert not texts & {"0.0.0.0", "::"}, file


@pytest.mark.long
def test_a_conversation_is_kept_here_by_the_command(command):
    """And let go again; one that is not held is wrong use."""
    command("import", "--local-only", dreaming.samples.FILES[0])
    command("run")
    found = json.loads(command("search", "tea", "--json", "--limit", "1"))
    if not found:
        found = json.loads(command("search", "茶", "--json", "--limit", "1"))
    held = found[0]["conversation_id"]
    assert "may leave" in command("local-only", held, "--off")
    told = json.loads(command("local-only", held, "--json"))
    assert (told["conversation"], told["local_only"], bool(told["days"])) == (held, True, True)
    estimate = json.loads(command("upgrade", "--quality", "good", "--dry-run", "--json"))
    assert (estimate["candidates"], set(estimate["skipped"])) == (0, {"local_only"})
