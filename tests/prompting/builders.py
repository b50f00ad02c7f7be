"""Excerpts of short messages, and replies about them."""

import json

from dreaming.chunk import lanes
from dreaming.chunking.lane import read_lane
from dreaming.prompting.excerpt import Excerpt
from dreaming.testing import make_conversation


def excerpt(*said, **options):
    """An excerpt of messages by alternating user and assistant: a unit each."""
    conversation = make_conversation(list(said), **options)
    lane = read_lane("text", lanes(conversation.messages)["text"])
    return Excerpt(
        conversation_id=conversation.id, units=lane.units, local_only=conversation.local_only
    )


def numbered(*ranges, **described):
    """A reply in the `indices` shape."""
    chunks = [{"first": first, "last": last, **describe(**described)} for first, last in ranges]
    return json.dumps({"chunks": chunks})


def repeated(*contents, **described):
    """A reply in the `verbatim` shape."""
    return json.dumps(
        {"chunks": [{"content": content, **describe(**described)} for content in contents]}
    )


def describe(**described):
    """What a reply says of a chunk."""
    return {
        "language": "en",
        "labels": ["work"],
        "speaker": "user",
        "entities": [],
        "summary": "Something is said.",
    } | described
