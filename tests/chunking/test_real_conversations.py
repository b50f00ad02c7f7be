"""The laws over real conversations, where `DREAMING_TEST_DATA` says where they are."""

import json
import os
from pathlib import Path

import pytest

from dreaming.chunk import Span, lanes, slice_content
from dreaming.chunking.rules import RulesChunker
from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import ConversationDay

from .builders import CREATED_AT, named_day
from .test_rules import assert_law_1

FOLDER = os.environ.get("DREAMING_TEST_DATA")


def read_days() -> list[ConversationDay]:
    if not FOLDER:
        pytest.skip(
            "DREAMING_TEST_DATA is not set: law 1 and the size bound over real conversations were "
            "not checked"
        )
    days = []
    for path in sorted(Path(FOLDER, "conversations").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            said = [(message["role"], message["content"]) for message in row["messages"]]
            days.append(named_day(row["conversation_id"], said))
    return days


def test_real_conversations_are_tiled_and_packed_to_size():
    """No character is lost or changed, and at least 95 % of chunks have 100 to 800 tokens where the
    talk has 100.
    """
    in_bounds = chunks_in_all = 0
    for day in read_days():
        chunks = RulesChunker().chunk(day, created_at=CREATED_AT)
        assert_law_1(day, chunks)
        contents = {message.id: message.content for message in day.messages}
        talk = [
            Span(message.id, 0, len(message.content))
            for message in lanes(day.messages).get("text", [])
        ]
        if count_tokens(slice_content(talk, contents)) >= 100:
            in_bounds += sum(100 <= chunk.token_count <= 800 for chunk in chunks)
            chunks_in_all += len(chunks)
    assert chunks_in_all
    assert in_bounds >= 0.95 * chunks_in_all
