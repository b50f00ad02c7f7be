"""What tests of dreaming, here and elsewhere, are made of.

conversations.py   a clock that is set, settings, conversations in a line
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
