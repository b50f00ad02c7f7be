"""Every command that the README shows works as printed, and every file that it links is there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands():
    lines = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("dreaming ")]


@pytest.mark.long
def test_the_commands_of_the_readme_work_in_order(tmp_path):
    """In an empty home, from the checkout; then its Python too."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DREAMING_", "DAGSTER_"))
    }
    environment["DREAMING_HOME"] = str(tmp_path / "home")
    assert len(commands()) >= 6
    for _, *arguments in commands():
        if arguments[0] == "export":
            arguments[1] = str(tmp_path / arguments[1])
        command = [sys.executable, "-m", "dagster_project", *arguments]
        result = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, (arguments, result.stderr)
    [code] = blocks("python")
    [provider] = blocks("python", (ROOT / "docs" / "providers.md").read_text("utf-8"))
    check = code + "\nassert len(frame) > 100 and 0 < len(travel) < len(frame)"
    result = subprocess.run(
        [sys.executable, "-c", check], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    result = subprocess.run(
        [sys.executable, "-c", provider + USE], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


USE = """
import asyncio
from datetime import date
from dreaming.providers.provider import ProviderSettings
from tests.prompting.builders import excerpt

shown = excerpt("one", "two", "three")
provider = OneTopicProvider(ProviderSettings(), today=date.today())
result = asyncio.run(provider.chunk_conversation(shown))
topics = [(topic.first, topic.last, topic.labels) for topic in result.topics]
assert topics == [(0, 3, ("talk",))], result
"""


@pytest.mark.long
def test_the_demo_shows_a_quality_table_and_a_hit_in_chinese_and_in_english(tmp_path):
    """What the first command of the README ends in."""
    environment = os.environ | {"DREAMING_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "dagster_project", "demo"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for expected in (
        "120 conversations added",
        "basic",
        "premium",
        "SUCCESS",
        "memorybank-zh-",
        "memorybank-en-",
        "绘画",
    ):
        assert expected in result.stdout


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_every_link_leads_to_a_file(page):
    """Documentation never describes what is not there."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_setting_of_the_documentation_is_read():
    """And every setting that is read stands in the page of settings or in that of sources."""
    pages = [(ROOT / "docs" / page).read_text("utf-8") for page in ("settings.md", "sources.md")]
    named = set(re.findall(r"DREAMING_[A-Z_]+[A-Z]", "".join(pages) + README))
    source = (ROOT / "dreaming" / "settings.py").read_text()
    read = set(re.findall(r"DREAMING_[A-Z_]+[A-Z]", source)) - {"DREAMING_SOURCE"}
    assert read <= named
    assert named - read <= {"DREAMING_SOURCE"}
