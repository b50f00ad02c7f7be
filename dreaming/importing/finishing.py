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
from dreaming.importing.draft import Draft, DraftMessage
from dreaming.importing.export_format import ExportFormat
from dreaming.importing.report import FileReport, SkipReason


class Finisher:
    """Finishes the drafts of one import; remembers which
    conversations without an id it has seen.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def finish(
        self, draft: Draft, export_format: ExportFormat, report: FileReport
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
        draft: Draft,
        messages: Sequence[Message],
        export_format: ExportFormat,
        report: FileReport,
    ) -> ConversationId:
        if draft.source_id is None:
            return ConversationId(f"{export_format.name}:{self._hash_beginning(draft, messages)}")
        source_id = replace_unstorable(draft.source_id, report)
        return ConversationId(
            source_id if export_format.keeps_ids else f"{export_format.name}:{source_id}"
        )

    def _hash_beginning(self, draft: Draft, messages: Sequence[Message]) -> str:
        """An id from how the conversation begins, which stays when it grows; equal beginnings are
        numbered.
        """
        first = next((message for message in messages if message.role == "user"), messages[0])
        started_at = draft.started_at or messages[0].timestamp
        beginning = stable_hash(first.content, started_at.isoformat() if started_at else None)
        self._seen[beginning] += 1
        count = self._seen[beginning]
        return beginning if count == 1 else f"{beginning}~{count}"


def replace_unstorable(text: str, report: FileReport) -> str:
    """Replace by U+FFFD, and count, what no store can hold: lone surrogates and NUL."""
    kept, count = storable(text)
    report.replaced_characters += count
    return kept


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
    """The source's ids, hashes of the content where it gives none; an id met again gets `~2`, `~3`,
    ...
    """
    hashed = iter(
        content_message_ids((d.role, d.kind, d.content) for d in drafts if d.source_id is None)
    )
    counts: Counter[str] = Counter()
    taken: set[str] = set()
    ids: list[MessageId] = []
    for draft in drafts:
        wanted = draft.source_id or next(hashed)
        unique = wanted
        while unique in taken:
            counts[wanted] += 1
            unique = f"{wanted}~{counts[wanted] + 1}"
        taken.add(unique)
        ids.append(MessageId(unique))
    return ids
