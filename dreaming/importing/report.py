"""The report of an import: for each file what was read, what was skipped and why, and the errors.

Nothing is left out silently: a reader that skips something counts it here, with a reason that a
person understands.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from dreaming.errors import ImportFailure

# A damaged file may have millions of unreadable lines; the first few show what is wrong.
_PLACES_KEPT = 10


class SkipReason(StrEnum):
    """Why something that an export holds did not become a message or a conversation."""

    HIDDEN = "hidden"
    SYSTEM_PROMPT = "system_prompt"
    SIDECHAIN = "sidechain"
    INACTIVE_BRANCH = "inactive_branch"
    EMPTY_MESSAGE = "empty_message"
    EMPTY_CONVERSATION = "empty_conversation"
    NOT_A_CONVERSATION = "not_a_conversation"
    NOT_A_MESSAGE = "not_a_message"
    UNKNOWN_ROLE = "unknown_role"
    UNKNOWN_CONTENT = "unknown_content"
    ATTACHMENT = "attachment"
    ENCRYPTED_THINKING = "encrypted_thinking"
    SESSION_EVENT = "session_event"
    OTHER_ACTIVITY = "other_activity"
    DUPLICATE_MESSAGE = "duplicate_message"
    TOO_DEEP = "too_deep"
    UNREADABLE_LINE = "unreadable_line"
    UNREADABLE_TIME = "unreadable_time"
    NO_CONVERSATIONS = "no_conversations"
    OTHER_FILE = "other_file"
    DUPLICATE_FILE = "duplicate_file"
    NESTED_ARCHIVE = "nested_archive"

    @property
    def sentence(self) -> str:
        """The reason as a sentence for people."""
        return _SENTENCES[self]


_SENTENCES = {
    SkipReason.HIDDEN: "The app keeps this message hidden from the person in the conversation.",
    SkipReason.SYSTEM_PROMPT: "The message is the app's instruction to the model, not part of the "
    "conversation.",
    SkipReason.SIDECHAIN: "The message belongs to a sub-agent's side conversation.",
    SkipReason.INACTIVE_BRANCH: "The message is on a branch that was edited or regenerated away.",
    SkipReason.EMPTY_MESSAGE: "The message has no text, or only parts that were skipped.",
    SkipReason.EMPTY_CONVERSATION: "The conversation has no message left to import.",
    SkipReason.NOT_A_CONVERSATION: "The entry has no list or tree of messages where its format "
    "keeps them.",
    SkipReason.NOT_A_MESSAGE: "The entry stands where a message should, but is not one.",
    SkipReason.UNKNOWN_ROLE: "The message does not say who speaks, or names a role that its "
    "format does not have.",
    SkipReason.UNKNOWN_CONTENT: "The content is of a type that is not known and has no text to "
    "take.",
    SkipReason.ATTACHMENT: "The part is an image, audio, video or file without its text.",
    SkipReason.ENCRYPTED_THINKING: "The model's thinking is encrypted by its vendor.",
    SkipReason.SESSION_EVENT: "The line records what the app did, or repeats a message; nothing "
    "new is said in it.",
    SkipReason.OTHER_ACTIVITY: "The activity is not a prompt: a setting, a feedback or another "
    "product.",
    SkipReason.DUPLICATE_MESSAGE: "The file holds the same message before.",
    SkipReason.TOO_DEEP: "The entry is nested too deep to be read.",
    SkipReason.UNREADABLE_LINE: "The line is not readable JSON.",
    SkipReason.UNREADABLE_TIME: "The time is not a time or out of range; the message is kept "
    "without it.",
    SkipReason.NO_CONVERSATIONS: "The file belongs to an export, but holds no conversations.",
    SkipReason.OTHER_FILE: "The file is hidden, or has another ending than .json, .jsonl, "
    ".ndjson, .zip or .html.",
    SkipReason.DUPLICATE_FILE: "The file was read before in this import.",
    SkipReason.NESTED_ARCHIVE: "The file is an archive in an archive; unpack the outer one and "
    "import again.",
}


@dataclass(frozen=True, slots=True)
class FileError:
    """An error of reading: the name of its type in `dreaming.errors`, and the message for people.

    Not the exception itself: its traceback would keep the text being read alive.
    """

    type: str
    message: str


@dataclass(slots=True)
class FileReport:
    """The report of one file, folder or member of an archive."""

    path: str
    """As given; a member of an archive as `a.zip!conversations.json`."""
    format: str | None = None
    """The name of the format in `FORMATS`; None where none was recognised."""
    conversations: int = 0
    messages: int = 0
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    errors: list[FileError] = field(default_factory=list)
    replaced_characters: int = 0
    """Lone surrogates and NULs that became U+FFFD."""
    unreadable_lines: list[str] = field(default_factory=list)
    """Where the first few unreadable lines are."""

    def skip(self, reason: SkipReason, count: int = 1) -> None:
        """Count something that was left out, under a reason."""
        if count:
            self.skipped[reason] += count

    def skip_line(self, place: str) -> None:
        """Count a line that is not JSON, and keep the places of the first few."""
        self.skip(SkipReason.UNREADABLE_LINE)
        if len(self.unreadable_lines) < _PLACES_KEPT:
            self.unreadable_lines.append(place)

    def fail(self, error: ImportFailure) -> None:
        """Record an error; reading goes on elsewhere."""
        self.errors.append(FileError(type(error).__name__, str(error)))


@dataclass(slots=True)
class ImportReport:
    """The report of a whole import, file by file; filled while the conversations are read."""

    files: list[FileReport] = field(default_factory=list)

    def add(self, path: str) -> FileReport:
        """Add the report of one more file."""
        file = FileReport(path)
        self.files.append(file)
        return file

    @property
    def conversations(self) -> int:
        """Conversations read from all files."""
        return sum(file.conversations for file in self.files)

    @property
    def messages(self) -> int:
        """Messages read from all files."""
        return sum(file.messages for file in self.files)

    @property
    def skipped(self) -> Counter[SkipReason]:
        """What was left out of all files, by reason."""
        return sum((file.skipped for file in self.files), Counter())

    @property
    def errors(self) -> list[FileError]:
        """All errors, in the order of reading; each message names its file."""
        return [error for file in self.files for error in file.errors]

    @property
    def replaced_characters(self) -> int:
        """Characters replaced by U+FFFD in all files."""
        return sum(file.replaced_characters for file in self.files)
