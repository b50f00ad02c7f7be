"""Clients: a model of their own that thinks, HTTP behind a token, and the page as printed."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CreateMessageResult, TextContent

from dreaming.home import open_home
from dreaming.settings import Settings
from dreaming.spending.budgets import Limit
from tests.dagster_project.mcp.builders import (
    PROPOSAL,
    ROOT,
    call,
    connected,
    wait_for_answer,
)
from tests.dagster_project.ui import free_port


@pytest.mark.long
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_clients_own_model_thinks_where_it_offers_sampling(environment, vendor, mode):
    """In both ways of the protocol; the limits are not its to move, and the configured model is not
    asked.
    """
    answers = [json.dumps(PROPOSAL), json.dumps(PROPOSAL | {"max_tokens": 10**9}), "No."]
    asked = []

    async def sampling(_context, params):
        asked.append(params)
        return CreateMessageResult(
            role="assistant",
            model="the client's",
            content=TextContent(type="text", text=answers[len(asked) - 1]),
        )

    async def converse():
        async with connected(environment, mode=mode, sampling_callback=sampling) as client:
            first = await call(client, "plan_upgrade", planner="thinking", max_tokens=20_000)
            assert first["chosen"]["planner"] == "thinking"
            assert first["chosen"]["reason"] == "You searched for it."
            assert first["chosen"]["terms"]["max_tokens"] == 9_000
            for why in (
                "It asked for 1,000,000,000 tokens, and 20,000 are allowed",
                "no JSON object",
            ):
                told = await call(client, "plan_upgrade", planner="thinking", max_tokens=20_000)
                assert told["chosen"]["planner"] == "rules"
                assert why in told["why_rules"]

    asyncio.run(converse())
    assert len(asked) == 3
    assert "You plan upgrades" in asked[0].system_prompt
    assert not vendor.books.served


@pytest.mark.long
def test_without_sampling_the_configured_model_thinks(environment, vendor):
    """Metered, from the budget that the user has set; without one nobody does."""

    async def converse():
        async with connected(environment) as client:
            return await call(client, "plan_upgrade", planner="thinking", max_tokens=20_000)

    assert "No budget of anthropic bounds" in asyncio.run(converse())["why_rules"]
    with open_home(Settings.from_environment(environment)) as home:
        home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=100_000))
    vendor.answer = lambda _request: json.dumps(PROPOSAL)
    told = asyncio.run(converse())
    assert (told["chosen"]["planner"], told["chosen"]["terms"]["max_tokens"]) == ("thinking", 9_000)
    assert vendor.books.charged_tokens > 0


@pytest.mark.long
def test_over_http_only_the_token_opens_the_door(environment):
    """On this machine alone."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "dagster_project",
        "mcp",
        "--http",
        "--port",
        str(port),
        "--token",
        "secret",
    ]
    url = f"http://127.0.0.1:{port}/mcp"

    async def converse():
        async with (
            httpx2.AsyncClient(headers={"Authorization": "Bearer secret"}) as authorized,
            Client(streamable_http_client(url, http_client=authorized)) as client,
        ):
            assert (await call(client, "search_memory", query="invoice"))["hits"]

    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                assert wait_for_answer(url, headers) == 401
            asyncio.run(converse())
        finally:
            server.send_signal(signal.SIGINT)


@pytest.mark.long
def test_the_page_is_true_as_it_is_printed(environment, tmp_path):
    """The settings that `--config` prints start the server, and the program on the page runs."""
    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    printed = subprocess.run(
        [sys.executable, "-m", "dagster_project", "mcp", "--config"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    told = json.loads(printed)["mcpServers"]["dreaming"]
    on_page = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])["mcpServers"][
        "dreaming"
    ]
    assert on_page.keys() == told.keys()
    assert on_page["args"] == told["args"]

    async def converse():
        server = StdioServerParameters(**told | {"env": environment | told["env"]})
        async with Client(stdio_client(server)) as client:
            assert (await call(client, "search_memory", query="invoice"))["hits"]
            assert {tool.name for tool in (await client.list_tools()).tools} <= set(
                re.findall(r"`(\w+)`", page)
            )

    asyncio.run(converse())
    program = tmp_path / "program.py"
    program.write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    # The client hands on nothing but PATH and HOME, as those of other programs do.
    wrapper = tmp_path / "bin" / "dreaming"
    wrapper.parent.mkdir()
    settings = "".join(
        f"export {name}={value!r}\n" for name, value in environment.items() if name != "PATH"
    )
    wrapper.write_text(
        f'#!/bin/sh\n{settings}exec {Path(sys.executable).with_name("dreaming")} "$@"\n'
    )
    wrapper.chmod(0o755)
    ran = subprocess.run(
        [sys.executable, program],
        env=environment | {"PATH": f"{wrapper.parent}{os.pathsep}{path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "chunks," in ran.stdout
