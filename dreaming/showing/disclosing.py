"""What assistants are shown of a memory: without secrets and what is private.

An assistant runs in a cloud as a rule.

What is masked is found in whole messages, as they were said; what stands in a summary or among the
entities of a chunk is masked where it is the same.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from dreaming.chunk import CONTENT_SEPARATOR, BChunk, Span
from dreaming.conversation import ConversationId
from dreaming.errors import DamagedPartition
from dreaming.privacy.masking import Masking
from dreaming.remembering.passages import read_passages
from dreaming.remembering.search import Hit
from dreaming.storage.partitions import PartitionStore

_SHORTEST_REPEATED = 4
"""A shorter secret is masked where it stands alone, not wherever its letters are."""


class Disclosure:
    """Masks what is shown of chunks."""

    def __init__(self, store: PartitionStore, masking: Masking) -> None:
        self._store = store
        self._masking = masking
        self._contents: dict[tuple[ConversationId, date], dict[str, str]] = {}

    def hit(self, hit: Hit) -> Hit:
        """A hit, all of whose texts are masked."""
        contents = self._read(hit.chunk)
        said = tuple(
            replace(each, text=self._part(contents, each.span, each.text)) for each in hit.said
        )
        return replace(hit, chunk=self.chunk(hit.chunk), said=said)

    def chunk(self, chunk: BChunk) -> BChunk:
        """A chunk, all of whose texts are masked."""
        contents = self._read(chunk)
        parts = [self._part(contents, span, text) for span, text in read_passages(chunk)]
        said = list(dict.fromkeys(contents.get(span.message_id, "") for span in chunk.spans))
        return replace(
            chunk,
            content=CONTENT_SEPARATOR.join(parts),
            summary=self._told(chunk.summary, said),
            labels=tuple(dict.fromkeys(self._told(label, said) for label in chunk.labels)),
            entities=tuple(dict.fromkeys(self._told(entity, said) for entity in chunk.entities)),
        )

    def _read(self, chunk: BChunk) -> dict[str, str]:
        """The messages of a chunk's conversation on its day, by id; empty if they are damaged."""
        key = (chunk.conversation_id, chunk.day)
        if key not in self._contents:
            try:
                with self._store.open_conversations(chunk.day) as raw:
                    found = [m for day in raw.only(chunk.conversation_id) for m in day.messages]
            except DamagedPartition:
                found = []
            self._contents[key] = {message.id: message.content for message in found}
        return self._contents[key]

    def _part(self, contents: dict[str, str], span: Span, text: str) -> str:
        content = contents.get(span.message_id, "")
        if content[span.start : span.end] != text:
            return self._masking.mask(text)
        return self._masking.mask_part(content, span.start, span.end)

    def _told(self, text: str, said: Sequence[str]) -> str:
        """A text about messages, without their secrets."""
        pattern = re.compile(r"\s+".join(map(re.escape, text.rstrip("…").split())), re.IGNORECASE)
        places = [
            (content, *match.span())
            for content in said
            if text
            for match in pattern.finditer(content)
        ]
        shown = [self._masking.mask_part(*place) for place in places]
        if shown and all(
            part != content[start:end]
            for part, (content, start, end) in zip(shown, places, strict=True)
        ):
            return shown[0]
        for content in said:
            for found in self._masking.find(content):
                if found.end - found.start >= _SHORTEST_REPEATED:
                    text = text.replace(content[found.start : found.end], found.placeholder)
        return self._masking.mask(text)
