"""Learning and measuring as people type them."""

import json

import pytest
from click.testing import CliRunner

from dagster_project.cli import cli
from dreaming.chunking.segmenter import shipped_segmenter
from tests.learning.builders import make_dialogue

SHIPPED = shipped_segmenter().version


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Calls the command in a home that is not there yet."""
    for name, value in {
        "DREAMING_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "home" / "dagster"),
        "DREAMING_TIMEZONE": "UTC",
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)

    def call(*arguments, exit_code=0, stdin=None):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)
        assert result.exit_code == exit_code, (result.output, result.stderr)
        return result

    return call


@pytest.fixture
def labelled(tmp_path):
    """A file of talks whose topics open as they do nowhere else."""
    file = tmp_path / "own.jsonl"
    lines = [
        {
            "id": dialogue.dialogue_id,
            "turns": [{"speaker": speaker, "text": text} for speaker, text in dialogue.turns],
            "boundaries": dialogue.boundaries,
        }
        for dialogue in (make_dialogue(number, opening="and then ") for number in range(24))
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def test_learning_from_a_labelled_file_and_back(command, labelled):
    """It is a run that the UI shows; `segment` and `eval` use what was learned, until it is
    reverted.
    """
    before = json.loads(command("eval", "--json", labelled).stdout)["macro"]["dreaming"]
    assert "--unseen" in command("eval", "--help").stdout
    learned = json.loads(command("learn", "--json", labelled).stdout)
    assert learned["accepted"], learned
    assert learned["version"] == f"{SHIPPED}+1"
    after = json.loads(command("eval", "--json", labelled).stdout)["macro"]["dreaming"]
    assert after > before
    assert (
        json.loads(command("eval", "--json", "--shipped", labelled).stdout)["macro"]["dreaming"]
        == before
    )
    found = [
        json.loads(line)
        for line in command("segment", stdin=labelled.read_text()).stdout.splitlines()
    ]
    told = [json.loads(line) for line in labelled.read_text().splitlines()]
    right = sum(
        one["boundaries"] == other["boundaries"] for one, other in zip(found, told, strict=True)
    )
    assert right >= 20
    assert "Nothing new to learn" in command("learn", labelled).stdout
    assert f"{SHIPPED}+1" in command("learn", "--list").stdout
    assert "reverted" in command("learn", "--revert").stdout
    assert "Nothing to revert" in " ".join(command("learn", "--revert", exit_code=2).stderr.split())
    assert json.loads(command("eval", "--json", labelled).stdout)["macro"]["dreaming"] == before


def test_nothing_bought_is_said(command):
    """And is no failure."""
    assert "0 talks with 0 topic boundaries are too few" in command("learn").stdout
    command("learn", "--list", "--revert", exit_code=2)


@pytest.mark.long
def test_evaluation_shows_every_set_and_the_mean(command, labelled, tmp_path):
    """With what needs no learning beside it; sets that are left out need another set."""
    other = tmp_path / "other.jsonl"
    other.write_text(labelled.read_text())
    shown = command("eval", labelled, other, "--unseen", "sets").stdout
    for word in ("own", "other", "mean of sets", "TextTiling", "user turns", "calibration error"):
        assert word in shown
    assert (
        "to leave one out takes two"
        in command("eval", labelled, "--unseen", "sets", exit_code=2).stderr
    )
    assert "There are no labelled talks" in command("eval", tmp_path / "none", exit_code=2).stderr
