"""What assistants are shown of a memory: without secrets and what is private.

An assistant runs in a cloud as a rule. What is masked is found in whole messages, as they were
said; what stands in a summary or among the entities of a chunk is masked where it is the same.
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
"""A secret shorter than this is not searched for in descriptions: its letters are in many words."""


class Disclosure:
    """Masks what is shown of chunks."""

    def __init__(self, store: PartitionStore, masking: Masking) -> None:
        self._store = store
        self._masking = masking
        self._contents: dict[tuple[ConversationId, date], dict[str, str]] = {}

    def hit(self, hit: Hit) -> Hit:
        """A hit, all of whose texts are masked."""
        contents = self._read(hit.chunk)
        masked = tuple(
            replace(message, text=self._mask_part(contents, message.span, message.text))
            for message in hit.said
        )
        return replace(hit, chunk=self.chunk(hit.chunk), said=masked)

    def chunk(self, chunk: BChunk) -> BChunk:
        """A chunk, all of whose texts are masked."""
        contents = self._read(chunk)
        parts = [self._mask_part(contents, span, text) for span, text in read_passages(chunk)]
        # Each message once, in order: several spans may be of one message.
        messages = list(dict.fromkeys(contents.get(span.message_id, "") for span in chunk.spans))
        labels = [self._mask_description(label, messages) for label in chunk.labels]
        entities = [self._mask_description(entity, messages) for entity in chunk.entities]
        return replace(
            chunk,
            content=CONTENT_SEPARATOR.join(parts),
            summary=self._mask_description(chunk.summary, messages),
            # Two that differ only in what is masked become one.
            labels=tuple(dict.fromkeys(labels)),
            entities=tuple(dict.fromkeys(entities)),
        )

    def _read(self, chunk: BChunk) -> dict[str, str]:
        """The messages of a chunk's conversation on its day, by id; empty if they are damaged."""
        key = (chunk.conversation_id, chunk.day)
        if key not in self._contents:
            try:
                with self._store.open_conversations(chunk.day) as raw:
                    parts = list(raw.only(chunk.conversation_id))
            except DamagedPartition:
                # Each text is then masked by itself, without the message around it.
                parts = []
            self._contents[key] = {
                message.id: message.content for part in parts for message in part.messages
            }
        return self._contents[key]

    def _mask_part(self, contents: dict[str, str], span: Span, text: str) -> str:
        """A range of a message, masked by what is found in the whole message."""
        content = contents.get(span.message_id, "")
        if content[span.start : span.end] != text:
            return self._masking.mask(text)
        return self._masking.mask_part(content, span.start, span.end)

    def _mask_description(self, text: str, messages: Sequence[str]) -> str:
        """A summary, label or entity of a chunk, without the secrets of its messages."""
        quotes = self._masked_quotes(text, messages)
        if quotes is not None:
            return quotes
        # Not quoted word for word: what is secret in the messages is masked wherever it stands.
        for content in messages:
            for secret in self._masking.find(content):
                if secret.end - secret.start >= _SHORTEST_REPEATED:
                    text = text.replace(content[secret.start : secret.end], secret.placeholder)
        return self._masking.mask(text)

    def _masked_quotes(self, text: str, messages: Sequence[str]) -> str | None:
        """The text as it is masked in the messages that it quotes.

        None where no message holds it, or one holds it without a secret: then the same words are
        no secret by themselves.
        """
        if not text:
            return None
        words = [re.escape(word) for word in text.rstrip("…").split()]
        pattern = re.compile(r"\s+".join(words), re.IGNORECASE)
        masked = []
        for content in messages:
            for match in pattern.finditer(content):
                part = self._masking.mask_part(content, match.start(), match.end())
                if part == match.group():
                    return None
                masked.append(part)
        return masked[0] if masked else None
