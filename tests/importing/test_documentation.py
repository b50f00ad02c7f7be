"""docs/importing.md tells the truth."""

import re
from pathlib import Path

from dreaming.importing import FORMATS

from .conftest import ImportContent

PAGE = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")


def test_the_page_has_a_row_for_every_format() -> None:
    assert set(
        re.findall(
            r"^\| `(\w+)` \| .*\| .*\|$", PAGE.partition("## What is taken")[0], re.MULTILINE
        )
    ) == set(FORMATS)


def test_the_example_of_our_own_jsonl_is_imported_whole(import_content: ImportContent) -> None:
    example = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0]
    imported = import_content(example, "example.jsonl")
    assert imported.file.format == "dreaming"
    assert imported.skipped == {}
    assert [message.name for message in imported.conversation.messages] == ["Mia", None]
