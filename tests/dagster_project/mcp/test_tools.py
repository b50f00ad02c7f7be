"""The tools over MCP: search, preview, upgrade, stop, undo, import, within limits."""

import asyncio
import json
from dataclasses import replace

import pytest

from dreaming.home import open_home
from dreaming.settings import Settings
from dreaming.showing.plain import jsonable
from dreaming.spending.budgets import Limit
from dreaming.testing import make_conversation
from tests.builders import talk
from tests.dagster_project.mcp.builders import (
    BILLING,
    PROPOSAL,
    TOOLS,
    call,
    connected,
    ended,
    refused,
)


@pytest.mark.long
def test_improve_my_billing_memories_from_preview_to_finished_upgrade(environment, vendor):
    """Every tool, over stdio; the budget holds, and every figure is the vendor's."""

    async def converse():
        async with connected(environment) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert {name: tool.annotations.read_only_hint for name, tool in tools.items()} == TOOLS
            assert all(
                "SPENDS" in tools[name].description for name in ("start_upgrade", "plan_upgrade")
            )

            hit = (await call(client, "search_memory", query="invoice paid twice", limit=2))[
                "hits"
            ][0]
            around = await call(
                client,
                "open_conversation",
                conversation_id=hit["conversation_id"],
                chunk_id=hit["chunk_id"],
                chunks=1,
            )
            assert hit["chunk_id"] in [chunk["chunk_id"] for chunk in around["chunks"]]
            assert "invoice" in "".join(chunk["text"] for chunk in around["chunks"])
            filled = (
                await call(client, "search_memory", query="invoice paid twice", budget_words=40)
            )["hits"]
            with open_home(Settings.from_environment(environment)) as home:
                [same, *_] = home.memory.search("invoice paid twice", limit=2)
                assert hit == json.loads(json.dumps(same.as_json(), default=jsonable))
                read = home.memory.search("invoice paid twice", budget_words=40)
                assert [one["reading"] for one in filled] == [one.reading for one in read]

            preview = await call(client, "preview_upgrade", filter=BILLING)
            assert preview["chunks"] == 3
            assert preview["this_server_today"]["left_tokens"] == 50_000
            plan = await call(client, "plan_upgrade", filter=BILLING, max_tokens=20_000)
            assert plan["chosen"]["terms"]["max_tokens"] == 20_000
            assert vendor.books.charged_tokens == 0

            started = await call(client, "start_upgrade", filter=BILLING, max_tokens=20_000)
            assert started["may_cost_at_most"] == {"tokens": 20_000, "usd": "0.1000"}
            told = await ended(client, started["request_id"])
            assert (told["state"], told["result"]["quality_counts"]["good"]) == ("success", 3)
            spent = vendor.books.charged_tokens
            assert (
                told["result"]["tokens_consumed"]
                == told["budget"]["used_tokens"]
                == spent
                <= 20_000
            )

            assert (await call(client, "spending"))["spending"][0]["tokens"] == spent
            assert (await call(client, "budgets"))["this_server_today"][
                "left_tokens"
            ] == 50_000 - spent
            assert (await call(client, "memory_status"))["quality"]["good"] == 3

            undone = await call(client, "undo_upgrade", request_id=started["request_id"])
            assert len(undone["days"]) == 1
            assert (await call(client, "memory_status"))["quality"]["good"] == 0

            status = await client.read_resource("dreaming://status")
            assert json.loads(status.contents[0].text)["quality"]["good"] == 0
            prompt = await client.get_prompt("improve_memories", {"topic": "billing"})
            assert "preview_upgrade" in prompt.messages[0].content.text

    asyncio.run(converse())


@pytest.mark.long
def test_no_client_spends_more_than_the_server_allows(environment, vendor):
    """Neither at once nor bit by bit, nor after it was started again."""

    async def at_once():
        async with connected(environment) as client:
            said = await refused(client, "start_upgrade", max_tokens=500_000)
            assert "more than the 50,000 that this server may still spend today" in said

    async def bit_by_bit():
        async with connected(environment, "--max-tokens", "4000") as client:
            started = await call(client, "start_upgrade", max_tokens=4_000)
            told = await ended(client, started["request_id"])
            assert told["result"]["stopped"] == "budget"
            left = (await call(client, "budgets"))["this_server_today"]["left_tokens"]
            assert left == 4_000 - vendor.books.charged_tokens
            assert "more than the" in await refused(client, "start_upgrade", max_tokens=4_000)
        async with connected(environment, "--max-tokens", "4000") as client:
            assert "more than the" in await refused(client, "start_upgrade", max_tokens=4_000)
        async with connected(environment, "--max-tokens", "0") as client:
            assert "more than the 0" in await refused(client, "start_upgrade", max_tokens=1)

    asyncio.run(at_once())
    asyncio.run(bit_by_bit())
    assert 0 < vendor.books.charged_tokens <= 4_000


@pytest.mark.long
def test_thinking_is_paid_for_by_the_server_too_and_no_other_server_moves_its_limit(
    environment, vendor
):
    """A client cannot think its way through the month's budget."""
    with open_home(Settings.from_environment(environment)) as home:
        home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=100_000))
    vendor.answer = lambda _request: json.dumps(PROPOSAL)

    async def converse():
        async with (
            connected(environment, "--max-tokens", "0") as poor,
            connected(environment) as rich,
        ):
            assert (await call(rich, "budgets"))["this_server_today"]["left_tokens"] == 50_000
            assert (await call(poor, "budgets"))["this_server_today"]["left_tokens"] == 0
            told = await call(poor, "plan_upgrade", planner="thinking", max_tokens=20_000)
            assert "mcp/0/" in told["why_rules"]
            assert not vendor.books.served
            await call(rich, "plan_upgrade", planner="thinking", max_tokens=20_000)
            left = (await call(rich, "budgets"))["this_server_today"]["left_tokens"]
            assert left == 50_000 - vendor.books.charged_tokens < 50_000

    asyncio.run(converse())


@pytest.mark.long
def test_what_is_local_only_is_not_shown_to_assistants(environment):
    """Most of them are in the cloud."""
    with open_home(Settings.from_environment(environment)) as home:
        home.archive.add(
            [replace(make_conversation(talk(9), conversation_id="test:mine"), local_only=True)]
        )
        for day in home.pipeline.waiting_days():
            home.pipeline.run_day(day)

    async def converse():
        async with connected(environment) as client:
            hits = (await call(client, "search_memory", query="invoice", limit=50))["hits"]
            assert "test:mine" not in {hit["conversation_id"] for hit in hits}
            assert "is local only" in await refused(
                client, "open_conversation", conversation_id="test:mine"
            )

    asyncio.run(converse())


@pytest.mark.long
def test_secrets_are_not_shown_to_assistants_unless_the_user_says_so(environment):
    """In hits and in conversations."""
    with open_home(Settings.from_environment(environment)) as home:
        said = ["The password of the windmill is Kiwi#9931x.", "Noted, the windmill."]
        home.archive.add([make_conversation(said, conversation_id="test:mill")])
        for day in home.pipeline.waiting_days():
            home.pipeline.run_day(day)

    async def shown(*options):
        async with connected(environment, *options) as client:
            hits = await call(client, "search_memory", query="windmill", budget_words=100)
            return str(hits) + str(
                await call(client, "open_conversation", conversation_id="test:mill")
            )

    masked = asyncio.run(shown())
    assert "The password of the windmill is [secret]." in masked
    assert "Kiwi" not in masked
    assert "Kiwi#9931x" in asyncio.run(shown("--show-secrets"))


@pytest.mark.long
def test_an_upgrade_is_stopped_and_what_was_bought_stays(environment, vendor):
    """From another client as well."""
    vendor.latency_seconds = 6

    async def converse():
        async with connected(environment) as other, connected(environment) as client:
            started = await call(client, "start_upgrade", max_tokens=40_000)
            async with asyncio.timeout(60):
                while not (
                    await call(client, "upgrade_progress", request_id=started["request_id"])
                )["budget"]["used_tokens"]:
                    await asyncio.sleep(0.2)
            stopped = await call(other, "stop_upgrade", request_id=started["request_id"])
            assert len(stopped["stopping"]) == 1
            told = await ended(other, started["request_id"])
            assert told["state"] == "canceled"
            assert told["result"]["tokens_consumed"] == vendor.books.charged_tokens

    asyncio.run(converse())


@pytest.mark.long
def test_an_upgrade_that_is_stopped_before_it_began_buys_nothing(environment, vendor):
    """Its run ends at once."""

    async def converse():
        async with connected(environment) as client:
            started = await call(client, "start_upgrade", max_tokens=40_000)
            await call(client, "stop_upgrade", request_id=started["request_id"])
            return await ended(client, started["request_id"])

    told = asyncio.run(converse())
    assert told["state"] in ("success", "canceled")
    assert not vendor.books.served


@pytest.mark.long
def test_what_cannot_be_meant_is_told_in_words(environment):
    """So that the assistant can mend it."""

    async def converse():
        async with connected(environment) as client:
            assert "There is no column 'topic'" in await refused(
                client, "preview_upgrade", filter="topic = billing"
            )
            assert "There is no upgrade request 'x'" in await refused(
                client, "upgrade_progress", request_id="x"
            )
            assert "No conversation 'x' is held" in await refused(
                client, "open_conversation", conversation_id="x"
            )
            assert "max_tokens = 0 allows nothing" in await refused(
                client, "plan_upgrade", max_tokens=0
            )
            assert "is not known to serve a model" in await refused(
                client, "start_upgrade", max_tokens=1_000, model="claude-9"
            )
            for path in ("/nowhere", "~nosuchuser/x", "x" * 5_000):
                assert "There is nothing at" in await refused(
                    client, "import_conversations", path=path
                )
            assert "is over" in await refused(client, "start_upgrade", max_tokens=10**400)
            assert "There is no key for openai" in await refused(
                client, "start_upgrade", max_tokens=1_000, provider="openai"
            )

    asyncio.run(converse())


@pytest.mark.long
def test_exports_are_imported_and_made_searchable(environment, tmp_path):
    """Free, in a process of its own."""
    export = tmp_path / "export.jsonl"
    messages = [
        {
            "role": "user",
            "content": "The marmot sleeps in the attic.",
            "timestamp": "2026-03-05T10:00:00Z",
        }
    ]
    export.write_text(json.dumps({"conversation_id": "m", "messages": messages}) + "\n")

    async def converse():
        async with connected(environment) as client:
            told = await call(client, "import_conversations", path=str(export))
            assert told["days_in_work"] == 1
            async with asyncio.timeout(60):
                while not (await call(client, "search_memory", query="marmot"))["hits"]:
                    await asyncio.sleep(0.5)

    asyncio.run(converse())
