"""The docstring of each package is its map: it names every module that lies in it, and no other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(
    init.parent
    for name in ("dreaming", "assets", "resources", "dagster_project")
    for init in (ROOT / name).rglob("__init__.py")
    if "migrations" not in init.parts
)


def things_in(package):
    """The modules and folders of a package, as its map has them."""
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    folders = {f"{path.name}/" for path in package.iterdir() if any(path.glob("*.*"))}
    return modules | folders - {"__pycache__/"}


def things_named(package):
    """What the map of a package names: lines that begin with names, far from what they say."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    entries = re.findall(r"^ {0,4}((?:\w+(?:\.py|/) ?)+)(?: {2,}|$)", docstring, re.MULTILINE)
    return {name for entry in entries for name in entry.split()} - {"__main__.py"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.relative_to(ROOT)))
def test_a_package_names_all_that_lies_in_it(package):
    """A map that misses a room, or shows one that is not there, leads a newcomer astray."""
    named = things_named(package)
    assert named == things_in(package)
