"""A vendor of models on 127.0.0.1: the wires of Anthropic, OpenAI and Ollama, books of what it
charged, and faults.

    wires.py    what each vendor's requests, replies and errors look like, and what it refuses
    answers.py  what the model says: computed from the request
    gold.py     a model that knows the true topics
    batches.py  what is given to it together, and done later
    faults.py   what goes wrong
    broken.py   answers whose connection breaks
    books.py    what was served, and what was charged for it
    server.py   the server, in a thread; or `python -m dreaming.testing.fake_vendor`

It counts tokens by bytes unless it is told otherwise, which is no vendor's way but says the same on
every machine.
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
