"""What tests of dreaming, here and elsewhere, are made of.

conversations.py   a clock that is set, settings, conversations in a line
fake_vendor/       an HTTP server that speaks the wires of Anthropic, OpenAI and Ollama, with books and faults
planted/           chats with secrets in them
"""

from dreaming.testing.conversations import FixedClock, Said, make_conversation, make_day, make_settings

__all__ = ["FixedClock", "Said", "make_conversation", "make_day", "make_settings"]
