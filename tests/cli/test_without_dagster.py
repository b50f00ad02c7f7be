"""Commands that make no run do not import Dagster, and help imports nothing that takes long."""

import os
import subprocess
import sys

COMMANDS = """
--help
status
search tent
plan
budget set --max-tokens 50000
budget show
ledger
upgrade --quality good --dry-run
undo nothing
"""

CODE = """
import sys
from click.testing import CliRunner
from dagster_project.cli import cli

for command in sys.argv[1].strip().splitlines():
    result = CliRunner().invoke(cli, command.split())
    assert result.exit_code in (0, 2), (command, result.output, result.exception)
    assert "dagster" not in sys.modules, command
    if command == "--help":
        assert not {"sqlalchemy", "numpy", "pydantic"} & sys.modules.keys(), command
"""


def test_commands_that_make_no_run_import_no_dagster(tmp_path):
    """In one process, one after the other: from the entry point to the end of each."""
    environment = os.environ | {"DREAMING_HOME": str(tmp_path), "ANTHROPIC_API_KEY": "sk-fake"}
    command = [sys.executable, "-c", CODE, COMMANDS]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
