"""The formats that conversations are imported from: one file a format, one entry in `FORMATS`.

A format turns entries (JSON objects) into drafts of conversations, and counts what it leaves out.
It opens no file, and gives no ids that the source does not have.

    chatgpt.py          ChatGPT's data export
    claude_ai.py        Claude.ai's data export
    claude_code.py      session files of Claude Code
    codex.py            rollout files of Codex
    gemini_cli.py       session files of Gemini CLI
    gemini_takeout.py   Gemini Apps in Google Takeout
    html_text.py        HTML -> text, for the answers in a Takeout
    librechat.py        LibreChat's export of a conversation
    open_webui.py       Open WebUI's export of chats
    openai_messages.py  the messages of chat APIs, a conversation a line
    own.py              our own JSONL, for sources without an exporter
    sharegpt.py         ShareGPT's data sets
"""

from collections.abc import Mapping
from types import MappingProxyType

from dreaming.importing.export_format import ExportFormat
from dreaming.importing.formats.chatgpt import CHATGPT
from dreaming.importing.formats.claude_ai import CLAUDE_AI
from dreaming.importing.formats.claude_code import CLAUDE_CODE
from dreaming.importing.formats.codex import CODEX
from dreaming.importing.formats.gemini_cli import GEMINI_CLI
from dreaming.importing.formats.gemini_takeout import GEMINI_TAKEOUT
from dreaming.importing.formats.librechat import LIBRECHAT
from dreaming.importing.formats.open_webui import OPEN_WEBUI
from dreaming.importing.formats.openai_messages import OPENAI_MESSAGES
from dreaming.importing.formats.own import OWN
from dreaming.importing.formats.sharegpt import SHAREGPT

# The first format that recognises an entry reads the file, so a format whose test accepts more
# comes after one whose test accepts less.
_IN_ORDER = (
    OWN,
    CHATGPT,
    CLAUDE_AI,
    LIBRECHAT,
    OPEN_WEBUI,
    GEMINI_CLI,
    CODEX,
    CLAUDE_CODE,
    GEMINI_TAKEOUT,
    SHAREGPT,
    OPENAI_MESSAGES,
)

FORMATS: Mapping[str, ExportFormat] = MappingProxyType({known.name: known for known in _IN_ORDER})
