"""From drafts to conversations: storable characters, stable ids, first and last times."""

from collections import Counter
from collections.abc import Sequence

from dreaming.conversation import (
    Conversation,
    ConversationId,
    Message,
    MessageId,
    content_message_ids,
    stable_hash,
    storable,
)
from dreaming.importing.draft import ConversationDraft, DraftMessage
from dreaming.importing.export_format import ExportFormat
from dreaming.importing.report import FileReport, SkipReason


class Finisher:
    """Finishes the drafts of one import.

    It counts the conversations without an id, so that equal ones get different ids.
    """

    def __init__(self) -> None:
        self._beginnings: Counter[str] = Counter()

    def finish(
        self, draft: ConversationDraft, export_format: ExportFormat, report: FileReport
    ) -> Conversation | None:
        """Make the conversation and count it; None, counted too, when no message has text."""
        messages = _finish_messages(draft.messages, report)
        if not messages:
            report.skip(SkipReason.EMPTY_CONVERSATION)
            return None
        times = [message.timestamp for message in messages if message.timestamp]
        report.conversations += 1
        report.messages += len(messages)
        return Conversation(
            id=self._conversation_id(draft, messages, export_format, report),
            source=export_format.name,
            title=replace_unstorable(draft.title, report) if draft.title else None,
            started_at=draft.started_at or min(times, default=None),
            updated_at=draft.updated_at or max(times, default=None),
            messages=messages,
            local_only=draft.local_only,
        )

    def _conversation_id(
        self,
        draft: ConversationDraft,
        messages: Sequence[Message],
        export_format: ExportFormat,
        report: FileReport,
    ) -> ConversationId:
        if draft.source_id is None:
            own_id = self._hash_beginning(draft, messages)
            return ConversationId(f"{export_format.name}:{own_id}")
        source_id = replace_unstorable(draft.source_id, report)
        if export_format.keeps_ids:
            return ConversationId(source_id)
        # Ids of two sources may be equal.
        return ConversationId(f"{export_format.name}:{source_id}")

    def _hash_beginning(self, draft: ConversationDraft, messages: Sequence[Message]) -> str:
        """An id made from the beginning of the conversation; equal beginnings are numbered.

        It stays the same when the conversation grows.
        """
        first = next((message for message in messages if message.role == "user"), messages[0])
        started_at = draft.started_at or messages[0].timestamp
        start_text = started_at.isoformat() if started_at else None
        beginning = stable_hash(first.content, start_text)
        self._beginnings[beginning] += 1
        count = self._beginnings[beginning]
        return beginning if count == 1 else f"{beginning}~{count}"


def replace_unstorable(text: str, report: FileReport) -> str:
    """The text with U+FFFD for lone surrogates and NUL, which no store can hold.

    The report counts them.
    """
    storable_text, count = storable(text)
    report.replaced_characters += count
    return storable_text


def _finish_messages(drafts: Sequence[DraftMessage], report: FileReport) -> tuple[Message, ...]:
    kept = [_make_storable(draft, report) for draft in drafts if draft.content.strip()]
    report.skip(SkipReason.EMPTY_MESSAGE, len(drafts) - len(kept))
    return tuple(
        Message(message_id, draft.role, draft.content, draft.kind, draft.name, draft.timestamp)
        for message_id, draft in zip(_message_ids(kept), kept, strict=True)
    )


def _make_storable(draft: DraftMessage, report: FileReport) -> DraftMessage:
    content = replace_unstorable(draft.content, report)
    name = replace_unstorable(draft.name, report) if draft.name else None
    source_id = replace_unstorable(draft.source_id, report) if draft.source_id else None
    return DraftMessage(draft.role, content, draft.kind, name, draft.timestamp, source_id)


def _message_ids(drafts: Sequence[DraftMessage]) -> list[MessageId]:
    """The source's ids, else hashes of the content; a repeated id gets `~2`, `~3` and so on."""
    without_id = [draft for draft in drafts if draft.source_id is None]
    content_ids = iter(content_message_ids((d.role, d.kind, d.content) for d in without_id))
    repetitions: Counter[str] = Counter()
    used: set[str] = set()
    ids: list[MessageId] = []
    for draft in drafts:
        base = draft.source_id or next(content_ids)
        unique = base
        # A loop, because the source itself may have an id that ends in `~2`.
        while unique in used:
            repetitions[base] += 1
            unique = f"{base}~{repetitions[base] + 1}"
        used.add(unique)
        ids.append(MessageId(unique))
    return ids
