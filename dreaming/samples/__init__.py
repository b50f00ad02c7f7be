"""Sample conversations: some days of MemoryBank-SiliconFriend in Chinese and English (MIT, see
LICENSE beside this).
"""

from pathlib import Path

FILES = tuple(sorted(Path(__file__).parent.glob("*.jsonl")))

QUERIES = ("painting", "绘画")
"""Searches that find something in them."""
