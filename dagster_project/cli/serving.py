"""Commands that serve, and the one that moves to servers: ui, mcp, move."""

import sys
from pathlib import Path

import click

from dreaming.bounds import MOST
from dreaming.cli.group import cli, console, diagnostics, progress_bar, write_json
from dreaming.cli.options import json_option
from dreaming.settings import Settings


@cli.command()
@click.option("--port", default=3000, show_default=True, help="Port on 127.0.0.1.")
def ui(port: int) -> None:
    """Open the Dagster UI with its daemon: runs, days, metadata, schedules. Ctrl-C ends both."""
    from dagster_project.instance import prepare_dagster_home
    from dagster_project.webserver import serve
    from dreaming.home import open_home

    settings = Settings.from_environment()
    folder = prepare_dagster_home(settings)
    with open_home(settings):
        console.print(
            f"The UI will be at http://127.0.0.1:{port}; Ctrl-C ends it.", highlight=False
        )
    sys.exit(serve(port, folder=folder))


@cli.command()
@click.option(
    "--max-tokens",
    type=click.IntRange(0, MOST["max_tokens"]),
    default=50_000,
    show_default=True,
    envvar="DREAMING_MCP_MAX_TOKENS",
    help="What all upgrades that it starts may spend a UTC day.",
)
@click.option("--config", is_flag=True, help="Print the settings that MCP clients want, and end.")
@click.option(
    "--http",
    is_flag=True,
    help="Serve on 127.0.0.1 instead of standard input and output; needs a token.",
)
@click.option("--port", default=8765, show_default=True, help="With --http.")
@click.option(
    "--token",
    envvar="DREAMING_MCP_TOKEN",
    help="With --http: what clients must send. By default a new one.",
)
@click.option(
    "--show-secrets",
    is_flag=True,
    help="Show clients secrets and what is private too: for a local model.",
)
def mcp(
    max_tokens: int, port: int, token: str | None, *, config: bool, http: bool, show_secrets: bool
) -> None:
    """Serve memory to assistants over MCP: search, plan, upgrade. See docs/mcp.md for Claude
    Desktop and others.
    """
    import secrets

    from dagster_project.instance import prepare_dagster_home
    from dagster_project.mcp.server import build_server
    from dagster_project.mcp.serving import serve_http
    from dreaming.home import open_home

    settings = Settings.from_environment()
    if config:
        # As it was started: a script beside the interpreter, wherever the client's own PATH leads.
        started = {"command": str(Path(sys.executable).with_name("dreaming")), "args": ["mcp"]}
        write_json(
            {"mcpServers": {"dreaming": {**started, "env": {"DREAMING_HOME": str(settings.home)}}}}
        )
        return
    prepare_dagster_home(settings)
    with open_home(settings):
        server = build_server(settings, max_tokens=max_tokens, shows_secrets=show_secrets)
    if not http:
        server.run("stdio")
        return
    if token is None:
        token = secrets.token_urlsafe(24)
        diagnostics.print(
            f"Clients send: Authorization: Bearer {token}", highlight=False, soft_wrap=True
        )
    diagnostics.print(f"MCP at http://127.0.0.1:{port}/mcp; Ctrl-C ends it.", highlight=False)
    serve_http(server, port=port, token=token)


@cli.command()
@click.option("--from-store", help="Where the partitions were (a path or URL), if not in the home.")
@json_option
def move(from_store: str | None, as_json: bool) -> None:
    """Move everything from the home's own files to DREAMING_DATABASE_URL and DREAMING_STORE.

    Set them first; end `dreaming ui` and all runs. May be interrupted and asked for again: nothing
    is lost, nothing comes twice. The old home then says where it went, and is not used any more.
    See docs/deploying.md.
    """
    from dataclasses import asdict

    from dagster_project.history import move_history
    from dreaming.moving import move_home

    settings = Settings.from_environment()
    with progress_bar() as progress:
        task = progress.add_task("Making days searchable", total=None)
        moved = move_home(
            settings,
            from_store=from_store,
            move_more=lambda: move_history(settings),
            on_day=lambda _day: progress.advance(task),
        )
    if as_json:
        write_json(asdict(moved))
    elif not moved.rows:
        console.print("All had been moved before; nothing was changed.")
    else:
        told = (
            f"{moved.rows:,} rows, {moved.files:,} partitions moved; {moved.days:,} days "
            "searchable there."
        )
        console.print(told, highlight=False)
