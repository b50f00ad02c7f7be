"""A fake vendor of models on 127.0.0.1, with the APIs of Anthropic, OpenAI and Ollama.

It refuses what the vendors refuse, fails in the ways that a test asks for, and records each request
with what it charged. By default it counts four bytes as a token: no vendor counts so, but the count
is the same on every machine.

    wires.py     the requests, replies, errors and refusals of each vendor's API
    answers.py   replies of the model, computed from the request
    gold.py      replies of a model that knows the true topics
    batches.py   the batch APIs of Anthropic and OpenAI
    faults.py    the faults that a test can ask for
    broken.py    replies whose connection breaks
    books.py     the record of requests, and of what was charged for them
    server.py    the server, in a thread
    __main__.py  the server as a process: `python -m dreaming.testing.fake_vendor`
"""

from dreaming.testing.fake_vendor.answers import Reply, topics_of
from dreaming.testing.fake_vendor.books import Books, Served, UsedElsewhere
from dreaming.testing.fake_vendor.faults import Fault
from dreaming.testing.fake_vendor.gold import GoldAnswers
from dreaming.testing.fake_vendor.server import FakeVendor
from dreaming.testing.fake_vendor.wires import FakeRequest

__all__ = [
    "Books",
    "FakeRequest",
    "FakeVendor",
    "Fault",
    "GoldAnswers",
    "Reply",
    "Served",
    "UsedElsewhere",
    "topics_of",
]
