"""A client of the MCP server, and what it calls."""

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

ROOT = Path(__file__).parents[2]


TOOLS = {
    "search_memory": True,
    "open_conversation": True,
    "memory_status": True,
    "spending": True,
    "budgets": True,
    "preview_upgrade": True,
    "plan_upgrade": False,
    "start_upgrade": False,
    "upgrade_progress": True,
    "stop_upgrade": False,
    "undo_upgrade": False,
    "import_conversations": False,
}


BILLING = "text CONTAINS 'invoice'"


@asynccontextmanager
async def connected(environment, *options, **callbacks):
    """A client over stdio, as programs that speak MCP start the server."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "dagster_project", "mcp", *options], env=environment
    )
    async with Client(stdio_client(server), **callbacks) as client:
        yield client


async def call(client, name, **arguments):
    result = await client.call_tool(name, arguments)
    text = "".join(content.text for content in result.content)
    assert not result.is_error, text
    return result.structured_content or json.loads(text)


async def refused(client, name, **arguments):
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return "".join(content.text for content in result.content)


async def ended(client, request_id):
    async with asyncio.timeout(90):
        while True:
            told = await call(client, "upgrade_progress", request_id=request_id)
            if told["state"] in ("success", "failure", "canceled", "failed to start"):
                return told
            await asyncio.sleep(0.3)


PROPOSAL = {
    "provider": "anthropic",
    "model": "claude-haiku-4-5",
    "filter": BILLING,
    "max_tokens": 9_000,
    "reason": "You searched for it.",
}


def wait_for_answer(url, headers):
    for _ in range(300):
        try:
            return httpx2.post(
                url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=headers
            ).status_code
        except httpx2.ConnectError:
            time.sleep(0.1)
    raise AssertionError("The server did not start.")
