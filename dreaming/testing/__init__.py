"""Building blocks for tests of dreaming, here and in other projects.

Tests use real files, databases and HTTP; only the clock and the vendors are replaced. The fake
vendor records what it charged, so that tests can compare the ledger with a vendor's own account.

    conversations.py   a clock that is set, settings, and conversations in one line
    fake_vendor/       an HTTP server with the APIs of Anthropic, OpenAI and Ollama
    planted/           chats with secrets in them
"""

from dreaming.testing.conversations import (
    FixedClock,
    Said,
    make_conversation,
    make_day,
    make_settings,
)

__all__ = ["FixedClock", "Said", "make_conversation", "make_day", "make_settings"]
