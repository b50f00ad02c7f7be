"""The wheel, installed without the checkout: the command does its main job from it."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.dagster_project.ui import serving

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The `bin` of an environment with the wheel, and without the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist"]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = (folder / "dist").glob("*.whl")
    venv.create(folder / "venv")
    binaries = folder / "venv" / "bin"
    uv = Path(sys.executable).with_name("uv")
    install = [uv, "pip", "install", "--no-deps", "--offline", "--python", binaries / "python"]
    subprocess.run([*install, wheel], check=True, capture_output=True)
    [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    # What dreaming needs, as it is installed here; the checkout itself is not found by this path.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return binaries


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Of a new user, in an empty folder."""
    (tmp_path / "empty").mkdir()
    own = {"DREAMING_HOME": str(tmp_path / "home"), "DREAMING_TIMEZONE": "UTC"}
    return {**os.environ, **own}


def run(installed, environment, tmp_path, *command):
    done = subprocess.run(
        [installed / command[0], *command[1:]],
        env=environment,
        cwd=tmp_path / "empty",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_an_installed_dreaming_does_its_main_job_and_takes_no_name_of_another_project(
    installed, environment, tmp_path, monkeypatch
):
    """Demo, search and the UI from an empty folder; `assets` and `resources` are not installed."""
    shown = run(installed, environment, tmp_path, "dreaming", "demo")
    assert "170 chunks by claude-haiku-4-5" in shown
    assert "dreaming search WORDS" in shown
    assert "painting" in run(installed, environment, tmp_path, "dreaming", "search", "painting")
    where = "import dreaming, dreaming_dagster as d; print(dreaming.__file__, d.__file__)"
    files = run(installed, environment, tmp_path, "python", "-c", where).split()
    assert all(Path(file).is_relative_to(installed.parent) for file in files)
    names = "from importlib.util import find_spec as f; print(f('assets'), f('resources'))"
    assert run(installed, environment, tmp_path, "python", "-c", names).split() == ["None"] * 2
    monkeypatch.chdir(tmp_path / "empty")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with serving(tmp_path / "log", python=installed / "python", module="dreaming_dagster"):
        pass
