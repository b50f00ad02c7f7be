"""`dreaming ui`: the real webserver, daemon and code server, and a folder that they watch."""

import json
import subprocess
import sys

import psutil
import pytest

from dreaming.home import open_home
from dreaming.settings import Settings
from tests.dagster_project.ui import ask, serving, wait_until


@pytest.mark.long
def test_what_appears_in_a_watched_folder_becomes_searchable_and_sigterm_leaves_no_process(
    tmp_path, monkeypatch
):
    """From a file to a hit, with nobody typing a command; the UI knows the partition; a queued run
    is taken.
    """
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    monkeypatch.setenv("DREAMING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DREAMING_TIMEZONE", "UTC")
    monkeypatch.setenv("DREAMING_WATCH", str(inbox))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with serving(tmp_path / "log") as (port, server):
        row = {
            "conversation_id": "chat-1",
            "started_at": "2026-03-01T09:00:00Z",
            "messages": [{"role": "user", "content": "Where is the lighthouse?"}],
        }
        (inbox / "chat.jsonl").write_text(json.dumps(row) + "\n")

        def hits():
            with open_home(Settings.from_environment()) as home:
                return home.memory.search("lighthouse")

        assert wait_until(hits, 150)[0].chunk.conversation_id == "chat-1"
        found = ask(
            port,
            '{ assetNodeOrError(assetKey: {path: ["basic_chunks"]}) { ... on AssetNode { '
            'latestMaterializationByPartition(partitions: ["2026-03-01"]) '
            "{ metadataEntries { label } } } } }",
        )
        [materialization] = found["assetNodeOrError"]["latestMaterializationByPartition"]
        labels = {entry["label"] for entry in materialization["metadataEntries"]}
        assert {"chunks", "quality_distribution", "tokens_histogram"} <= labels
        queue = [sys.executable, "-m", "dagster_project", "run", "--day", "2026-03-02", "--queue"]
        subprocess.run(queue, check=True, capture_output=True)
        status = "{ runsOrError(limit: 1) { ... on Runs { results { jobName status } } } }"
        wait_until(
            lambda: ask(port, status)["runsOrError"]["results"][0]["status"] == "SUCCESS", 90
        )
        family = psutil.Process(server.pid).children(recursive=True)
        assert len(family) >= 3
    _, alive = psutil.wait_procs(family, 10)
    assert alive == []
