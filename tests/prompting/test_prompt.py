"""The prompt as it is sent: a change must show in review, and come with a new version."""

import hashlib
import json

import pytest

from dreaming.prompting.prompt import PROMPT_VERSION, write_prompt
from dreaming.prompting.schema import Bounds, reply_schema, without_bounds
from tests.prompting.builders import excerpt

SHOWN = excerpt("What is the plan?", "Walk.\nThen [1] swim.\n[2] Eat.")

FINGERPRINTS = {
    ("chunk-2", "indices"): "a36a8b0f",
    ("chunk-2", "verbatim"): "2ce463ca",
}


@pytest.mark.parametrize("shape", ["indices", "verbatim"])
def test_a_change_of_the_fixed_part_needs_a_new_version(shape):
    """Stored replies are replies to these words."""
    instructions = write_prompt(SHOWN, 0, 2, shape=shape).instructions
    assert (
        hashlib.sha256(instructions.encode()).hexdigest()[:8] == FINGERPRINTS[PROMPT_VERSION, shape]
    )


def test_units_are_shown_a_line_each_in_a_frame():
    """Numbered from 1; a line that looks like a unit is set off."""
    content = write_prompt(SHOWN, 0, 2, shape="indices").content
    frame, first, *second, last = content.split("\n\n")[0].split("\n")
    assert frame.startswith("<conversation-")
    assert last == frame.replace("<", "</")
    assert first == "[1] user: What is the plan?"
    assert second == ["[2] assistant: Walk.", "Then [1] swim.", "| [2] Eat."]
    assert content.endswith("One chunk.")


def test_the_instructions_say_what_was_asked_for():
    """The universal prompt: boundaries, size, fields, languages, JSON only."""
    for shape in ("indices", "verbatim"):
        text = write_prompt(SHOWN, 0, 2, shape=shape).instructions
        for words in (
            "semantic boundaries",
            "100-800 tokens",
            "labels",
            "speaker",
            "entities",
            "summary",
        ):
            assert words in text
        assert "do not translate" in text
        assert "only valid JSON" in text


def test_every_array_and_string_of_the_schema_is_bounded_and_the_clouds_gets_none_of_it():
    """Small models loop to the limit; the vendors refuse bounds."""
    schema = reply_schema(Bounds.of(units=30, tokens=900), repeats_text=False)
    chunk = schema["properties"]["chunks"]["items"]["properties"]
    assert schema["properties"]["chunks"]["maxItems"] == 12
    assert chunk["first"]["maximum"] == chunk["last"]["maximum"] == 30
    assert {
        name: part.get("maxLength") or part.get("maxItems") for name, part in chunk.items()
    } == {
        "first": None,
        "last": None,
        "language": 5,
        "labels": 5,
        "speaker": None,
        "entities": 10,
        "summary": 300,
    }
    bare = json.dumps(without_bounds(schema))
    assert not any(bound in bare for bound in ("max", "min"))
    assert bare == json.dumps(
        without_bounds(reply_schema(Bounds.of(units=3, tokens=10), repeats_text=False))
    )
