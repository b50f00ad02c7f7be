"""A fake vendor as a process: prints its address, and serves until a signal ends it.

GET /_books returns the totals of its record.
"""

import json

import click

from dreaming.testing.fake_vendor.server import FakeVendor


@click.command()
@click.option("--port", default=0, help="0 takes one that is free.")
@click.option("--host", default="127.0.0.1", help="Where it is reached.")
@click.option("--latency", default=0.0, help="Seconds.")
def main(port: int, host: str, latency: float) -> None:
    """Serve the wires of Anthropic, OpenAI and Ollama."""
    vendor = FakeVendor(port=port, host=host, latency_seconds=latency)
    click.echo(json.dumps({"url": vendor.url}))
    vendor.serve()


if __name__ == "__main__":
    main()
