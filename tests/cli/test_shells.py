"""Completion, as a shell asks for it."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from dreaming.cli import cli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_of_its_own(shell):
    """It calls the command back by the variable that the command answers to."""
    script = CliRunner().invoke(cli, ["completion", shell])
    assert script.exit_code == 0
    assert f"_DREAMING_COMPLETE={shell}_complete" in script.output


def test_a_shell_that_asks_is_given_the_commands_that_begin_so():
    """By the variables that the script of bash sets."""
    asked = {"_DREAMING_COMPLETE": "bash_complete", "COMP_WORDS": "dreaming sea", "COMP_CWORD": "1"}
    command = [sys.executable, "-m", "dagster_project"]
    answer = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True)
    assert answer.stdout.split() == ["plain,search"]
