"""What assistants are shown of memory."""

from datetime import date

from dreaming.privacy.masking import Masking
from dreaming.showing.disclosing import Disclosure
from dreaming.testing import make_conversation

DAY = date(2026, 3, 1)
SAID = [
    "The password of the harvest server is Kiwi#9931x, and <private>Ms Alder knows it.\n\n"
    + "She told me at the festival. " * 60
    + "</private> Write it down for the festival.",
    "I wrote it down for the festival.",
]


def held(home):
    home.archive.add([make_conversation(SAID)])
    home.pipeline.run_day(DAY)
    return Disclosure(home.store, Masking())


def test_hits_are_shown_without_secrets_and_without_what_is_private(home):
    """In every field, in every part of a message; the user's own search has all of it."""
    disclosure = held(home)
    hits = home.memory.search("harvest festival password", limit=20)
    shown = str([disclosure.hit(hit).as_json(reading=True) for hit in hits])
    assert "Kiwi#9931x" in str([hit.as_json(reading=True) for hit in hits])
    for secret in ("Kiwi#9931x", "Alder", "She told me"):
        assert secret not in shown
    assert "[secret]" in shown
    assert "[private]" in shown
    assert "I wrote it down for the festival." in shown


def test_chunks_are_shown_without_them_too(home):
    """Their summaries and entities as well."""
    disclosure = held(home)
    with home.store.open_chunks("upgraded_chunks", DAY) as partition:
        rows = list(partition.rows())
    shown = str([disclosure.chunk(row) for row in rows])
    assert "Kiwi#9931x" in str(rows)
    for secret in ("Kiwi#9931x", "Alder", "She told me"):
        assert secret not in shown


def test_what_holds_no_secret_is_shown_as_it_is(home):
    """Word for word."""
    home.archive.add([make_conversation(["How do I brew tea?", "With water of 80 degrees."])])
    home.pipeline.run_day(DAY)
    (hit,) = home.memory.search("tea")
    assert Disclosure(home.store, Masking()).hit(hit) == hit
