"""The wheel: everything that knows Dagster goes into it as one package, `dreaming_dagster`.

In the checkout, `dagster_project`, `assets` and `resources` stand at the top. Installed under these
names they would shadow those of another project, so the wheel holds them as `dreaming_dagster`,
`dreaming_dagster.assets` and `dreaming_dagster.resources`, with their imports renamed. An editable
install is the checkout itself.
"""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSTALLED = "dreaming_dagster"
NAMES = {
    "dagster_project": INSTALLED,
    "assets": f"{INSTALLED}.assets",
    "resources": f"{INSTALLED}.resources",
}
_IMPORT = re.compile(rf"^(\s*(?:from|import) )({'|'.join(NAMES)})\b", re.MULTILINE)
_MODULE = re.compile(r"\bdagster_project(?=\.\w)")


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the renamed packages into a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        self._folder = Path(tempfile.mkdtemp())
        for name, installed in NAMES.items():
            target = self._folder / installed.replace(".", "/")
            shutil.copytree(
                Path(self.root) / name, target, ignore=shutil.ignore_patterns("__pycache__")
            )
        build_data["force_include"][str(self._folder / INSTALLED)] = INSTALLED
        for path in self._folder.rglob("*"):
            if path.is_file():
                path.write_text(rename(path.read_text("utf-8"), path.suffix), "utf-8")
        # The name of its function in the wheel; `scripts` is what hatchling writes down.
        scripts = self.metadata.core.scripts
        scripts["dreaming"] = _MODULE.sub(INSTALLED, scripts["dreaming"])

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        if version != "editable":
            shutil.rmtree(self._folder)


def rename(text: str, suffix: str) -> str:
    """The text of a file as it stands in a wheel: imports of a module, module names elsewhere."""
    if suffix == ".py":
        return _IMPORT.sub(lambda found: found[1] + NAMES[found[2]], text)
    return _MODULE.sub(INSTALLED, text)
