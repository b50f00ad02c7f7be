"""A home with talk in it, good chunks bought for some of it, and a browser's way to its page."""

from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from time import sleep

import uvicorn
from starlette.testclient import TestClient

from dreaming.page.application import make_application
from dreaming.page.serving import address_of, listen
from dreaming.spending.budgets import Limit, request_scope
from dreaming.storage.purchases import insert_paid
from dreaming.testing import make_conversation
from tests.builders import make_paid_chunk, talk
from tests.spending.builders import answer, reservation

DAY = date(2026, 3, 1)
HOSTILE = (
    "<script>document.documentElement.dataset.owned='yes'</script>"
    "<img src=x onerror=\"document.documentElement.dataset.owned='yes'\"> lighthouse {{7*7}} "
    "</div></td></table>"
)
STEERING = "\x1b[31mred\x1b[0m \u202egnitniap\u202c \x07\x00 " + "A" * 3_000 + " lighthouse"


def client_of(home):
    """A browser on this machine."""
    return TestClient(make_application(lambda: nullcontext(home)), base_url="http://127.0.0.1:3010")


def add_talk(home, said, **named):
    """Import a conversation and run its days."""
    home.archive.add([make_conversation(said, **named)])
    for day in home.archive.pending_days():
        home.pipeline.run_day(day)


def add_compared_talk(home):
    """A conversation about three topics, the first two thirds of which were upgraded; its days are
    published.
    """
    add_talk(home, talk(), conversation_id="test:village", title="The village")
    with home.store.open_conversations(DAY) as raw:
        (conversation,) = raw.rows()
    ids = [message.id for message in conversation.messages]
    spans = [
        (own_id, 0, len(message.content))
        for own_id, message in zip(ids, conversation.messages, strict=True)
    ]
    bought = [
        make_paid_chunk(
            conversation, spans[:4], paid_chunk_id="1", summary="Tents.", labels=("tents",)
        ),
        make_paid_chunk(
            conversation,
            spans[4:8],
            paid_chunk_id="2",
            summary="An invoice.",
            quality_level="premium",
        ),
    ]
    with home.ledger.database.write() as connection:
        insert_paid(connection, bought)
    home.pipeline.publish(DAY)


def spend(home, tokens=1_234):
    """Pay for a call about `DAY`."""
    scope = home.ledger.open_scope(request_scope("request"), Limit(10_000, None))
    asked = reservation("key", (scope,), tokens, tokens * 10**6)
    asked = type(asked)(
        **{name: getattr(asked, name) for name in asked.__slots__} | {"day": DAY.isoformat()}
    )
    reserved = home.ledger.reserve(asked).result(10)
    home.ledger.settle(reserved.call_id, answer(tokens), cost=tokens * 10**6).result(10)


def add_hostile_talk(home):
    """Talk that attacks whoever shows it."""
    said = [HOSTILE, STEERING, ("tool", HOSTILE, "tool_result")]
    add_talk(home, said, conversation_id='test:"><b>&/?#', title=HOSTILE + STEERING)


@contextmanager
def served(application):
    """The address of an application on a port of this machine."""
    listening = listen(0)
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            sleep(0.01)
        yield address_of(listening)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A_DAY = timedelta(days=1)
