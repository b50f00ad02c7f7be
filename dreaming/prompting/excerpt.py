"""An excerpt: units of one lane of a conversation, as a model is shown them, with numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dreaming.chunking.lane import Unit
from dreaming.conversation import ConversationId, stable_hash

_LIKE_A_UNIT = re.compile(r"^(?=\s*\[\d+\])", re.MULTILINE)
"""Lines of a text that could be taken for the beginning of a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Consecutive units of one lane that a model is asked to cut."""

    conversation_id: ConversationId
    units: Sequence[Unit]
    day: date | None = None
    local_only: bool = False
    """True: never shown to a cloud provider."""

    def tokens(self, first: int, last: int) -> int:
        """Estimated tokens of units, by position, end excluded, with their numbers and roles."""
        return sum(unit.tokens + FRAME_TOKENS for unit in self.units[first:last])


FRAME_TOKENS = 6
"""The tokens of a unit's number and role, estimated."""


def show_units(excerpt: Excerpt, first: int, last: int) -> str:
    """Units by position, end excluded, numbered from 1, in a frame whose name the text cannot know.

    The name is a hash of the text, so no text can hold the end of its own frame. A line that looks
    like the beginning of a unit is set off by a bar, so that no unit can pretend to be several.
    """
    lines = [
        f"[{number}] {unit.message.role}: {_set_off(unit.text)}"
        for number, unit in enumerate(excerpt.units[first:last], 1)
    ]
    # Nine decimal digits take three tokens; as many bits in hexadecimal digits take six.
    number = int(stable_hash(lines), 16) % 10**9
    frame = f"conversation-{number:09}"
    return "\n".join([f"<{frame}>", *lines, f"</{frame}>"])


def _set_off(text: str) -> str:
    return _LIKE_A_UNIT.sub("| ", text.strip())
