"""Words of real conversations are found, all of them."""

import json
import os
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import dreaming.samples
from dreaming.home import open_home
from dreaming.testing import make_conversation, make_settings

DATA = os.environ.get("DREAMING_TEST_DATA")
FOLDER = Path(DATA) / "conversations" if DATA else Path(dreaming.samples.__file__).parent
LANGUAGES = {"zh": "[\u4e00-\u9fff]{2,}", "ja": "[\u4e00-\u9fff\u30a1-\u30fa\u30fc]{2,}"}
TALKS, WORDS = 60, 150


def talks_of(language):
    """What is said in some conversations of a language."""
    lines = [
        line
        for file in sorted(FOLDER.glob(f"*_{language}.jsonl"))
        for line in file.read_text().splitlines()
    ]
    random.Random(7).shuffle(lines)
    return [
        [message["content"] for message in json.loads(line)["messages"]] for line in lines[:TALKS]
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_two_character_word_is_found_in_a_text_that_has_it(tmp_path, language):
    """None is lost to how words are cut; nor is a word at the border of two messages made up."""
    talks = talks_of(language)
    if not talks:
        pytest.skip(
            f"no conversations in {language}: set DREAMING_TEST_DATA to a folder with "
            "conversations/"
        )
    with open_home(make_settings(tmp_path)) as home:
        at = datetime(2026, 3, 1, 9, tzinfo=UTC)
        home.archive.add(
            make_conversation(said, conversation_id=f"c:{number}", at=at)
            for number, said in enumerate(talks)
        )
        home.pipeline.run_day(at.date())
        runs = [
            run for said in talks for text in said for run in re.findall(LANGUAGES[language], text)
        ]
        numbers = random.Random(1)
        for run in numbers.sample(runs, min(WORDS, len(runs))):
            start = numbers.randrange(len(run) - 1)
            word = run[start : start + 2]
            assert word in home.memory.search(word)[0].text
