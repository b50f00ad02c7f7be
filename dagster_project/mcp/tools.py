"""The tools: what an assistant may do with a memory, as methods of one object.

What they may spend is bounded here, by the standing budgets and by a limit a day of its own, and no
tool moves either. Work is always a Dagster run on the user's instance, in a process of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from threading import Thread
from typing import Annotated, Any, Literal
from uuid import uuid4

import dagster as dg
from pydantic import Field

from assets.upgrading import REQUEST_TAG
from dagster_project.instance import open_instance
from dagster_project.launches import Launch
from dagster_project.mcp.arguments import Budget, Day, HowReplied, Wanted
from dagster_project.owners import UNFINISHED, fail_orphaned_runs
from dagster_project.running import spawn
from dreaming.buying.collecting import cancel_batches
from dreaming.buying.estimating import Estimate
from dreaming.buying.executor import DreamingExecutor
from dreaming.buying.offers import DEFAULT_PROVIDER, Offers
from dreaming.buying.slices import count_quality
from dreaming.chunk import BChunk, chunk_record
from dreaming.conversation import ConversationId
from dreaming.errors import UsageError
from dreaming.home import Home, open_home
from dreaming.importing import ImportReport, read_exports
from dreaming.money import read_usd
from dreaming.planning.plan import PlannerName
from dreaming.planning.planner import Planner
from dreaming.planning.situation import Situation, Urgency
from dreaming.planning.thinking import (
    Thinker,
)
from dreaming.providers.configured import configured_providers
from dreaming.providers.registry import ConfiguredProvider
from dreaming.remembering.filters import ChunkFilter
from dreaming.settings import Settings
from dreaming.showing.disclosing import Disclosure
from dreaming.showing.summaries import budget_records, home_status, import_summary
from dreaming.spending.budgets import Balance, Limit, request_scope
from dreaming.spending.ledger import SpendingKey
from dreaming.spending.prices import worst_case
from dreaming.storage.requests import UpgradeRequest
from dreaming.task import TaskPriority
from dreaming.upgrading.terms import PaidLevel, UpgradeTerms

DEFAULT_MAX_TOKENS = 50_000


STARTING = timedelta(minutes=2)
"""How long a process may take to begin a run."""


class MemoryServer:
    """The tools, over the home of the settings. Each opens it for itself: other processes write it
    too.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        shows_secrets: bool = False,
    ) -> None:
        self._settings = settings
        self._shows_secrets = shows_secrets
        self._max_tokens = max_tokens
        self._children: dict[str, Popen[bytes]] = {}

    def open(self) -> Any:
        """The home, as a context manager."""
        return open_home(self._settings)

    # Reading

    def search_memory(
        self,
        query: Annotated[
            str, Field(description="A question, or words to look for, in any language.")
        ],
        limit: Annotated[
            int | None, Field(ge=1, le=50, description="Hits, at most; 10 unless told.")
        ] = None,
        budget_words: Annotated[
            int | None,
            Field(
                ge=20,
                description="Fill so many words: the `reading` of all hits together fits them.",
            ),
        ] = None,
        first_day: Day = None,
        last_day: Day = None,
        labels: Annotated[
            list[str] | None, Field(description="Only chunks with one of these topics.")
        ] = None,
    ) -> dict[str, Any]:
        """Search past conversations. Gives the chunks that answer best: what was said, by whom,
        when and where.
        """
        wanted = ChunkFilter(first_day=first_day, last_day=last_day, labels=tuple(labels or ()))
        with self.open() as home:
            hits = home.memory.search(
                query, wanted, limit=limit, budget_words=budget_words, excluded=home.local_only()
            )
            if not self._shows_secrets:
                disclosure = Disclosure(home.store, self._settings.masking)
                hits = [disclosure.hit(hit) for hit in hits]
        return {"hits": [hit.as_json(reading=budget_words is not None) for hit in hits]}

    def open_conversation(
        self,
        conversation_id: str,
        chunk_id: Annotated[
            str | None, Field(description="Of a hit; without it, from the beginning.")
        ] = None,
        chunks: Annotated[int, Field(ge=1, le=20, description="How many before and after it.")] = 3,
    ) -> dict[str, Any]:
        """Read a conversation, word for word, around a hit."""
        with self.open() as home:
            if home.archive.is_local_only(ConversationId(conversation_id)):
                raise UsageError(
                    f"The conversation {conversation_id!r} is local only, and stays here."
                )
            rows = _chunks_of(home, ConversationId(conversation_id))
        place = next((n for n, row in enumerate(rows) if row.chunk_id == chunk_id), 0)
        if chunk_id is not None and (not rows or rows[place].chunk_id != chunk_id):
            raise UsageError(
                f"The conversation {conversation_id!r} has no chunk {chunk_id!r} now. Search again."
            )
        first = max(place - chunks, 0)
        shown = rows[first : place + chunks + 1]
        if not self._shows_secrets:
            disclosure = Disclosure(home.store, self._settings.masking)
            shown = [disclosure.chunk(row) for row in shown]
        return {
            "conversation_id": conversation_id,
            "chunks": [_hit(chunk_record(row)) | {"text": row.content} for row in shown],
            "earlier": first,
            "later": len(rows) - first - len(shown),
        }

    def memory_status(self) -> dict[str, Any]:
        """What is held: days, chunks by quality, what waits to be done, and what was spent this
        month.
        """
        with self.open() as home:
            quality = count_quality(home.store, home.store.days("upgraded_chunks"))
            return home_status(home) | {"quality": quality}

    def spending(
        self,
        by: Annotated[SpendingKey, Field(description="One line for each of these.")] = "request",
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
    ) -> dict[str, Any]:
        """What upgrades have cost, the newest first, and the calls of which nobody knows whether
        they were charged.
        """
        with self.open() as home:
            return {
                "spending": home.ledger.spending(by, limit=limit),
                "unknown_calls": home.ledger.unknown_calls(),
            }

    def budgets(self) -> dict[str, Any]:
        """What may still be spent: the standing budgets, and what this server may spend today."""
        with self.open() as home:
            return {
                "standing": budget_records(home.ledger),
                "this_server_today": self._left(home).as_json(),
            }

    def preview_upgrade(
        self,
        target_quality: PaidLevel = "good",
        filter: Wanted = None,
        first_day: Day = None,
        last_day: Day = None,
        limit: Annotated[int | None, Field(description="Chunks, at most.")] = None,
        delivery: HowReplied = "now",
    ) -> dict[str, Any]:
        """Say what an upgrade would take: chunks, calls, tokens and dollars, by day and topic.
        Costs nothing.
        """
        terms = UpgradeTerms(
            target_quality=target_quality,
            filter=filter,
            first_day=first_day,
            last_day=last_day,
            limit=limit,
            delivery=delivery,
        )
        with self.open() as home:
            days = [day for day in home.store.days("upgraded_chunks") if terms.allows_day(day)]
            estimate = Offers(home, configured_providers(self._settings)).estimate(terms, days)
            return estimate | {"this_server_today": self._left(home).as_json()}

    def upgrade_progress(self, request_id: str) -> dict[str, Any]:
        """How far an upgrade is, what it has spent, and what it came to once it has ended."""
        with self.open() as home, open_instance(self._settings) as instance:
            fail_orphaned_runs(instance, home.ledger.database)
            request = home.requests.get(request_id)
            runs = instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: request_id}))
            results = [told for run in runs if (told := home.requests.result(run.run_id))]
            return {
                "request_id": request_id,
                "state": self._state(request, runs),
                "runs": [run.run_id for run in runs],
                "chunks": home.requests.progress(request_id),
                "budget": home.ledger.balance(request_scope(request_id)).as_json(),
                "pending": next(iter(home.batches.pending(request_id)), None),
                "result": results[0] if results else None,
            }

    def _state(self, request: UpgradeRequest, runs: Sequence[dg.DagsterRun]) -> str:
        child = self._children.get(request.request_id)
        if not runs:
            is_late = datetime.now(UTC) - request.asked_at > STARTING
            failed = is_late if child is None else child.poll() is not None
            return "failed to start" if failed else "starting"
        return runs[0].status.value.lower()

    # Planning and spending

    async def plan_upgrade(
        self,
        terms: UpgradeTerms,
        *,
        planner: PlannerName,
        urgency: Urgency,
        thinker: Thinker | None,
    ) -> dict[str, Any]:
        """The best upgrade for a budget, as the rules see it, or a thinking model within the same
        limits.
        """
        with self.open() as home:
            account = home.ledger.open_scope(*self._account(home))
            planning = Planner(
                home, configured_providers(self._settings), thinker=thinker, account=account
            )
            days = home.store.days("upgraded_chunks")
            return (await planning.plan(terms, days, planner=planner, urgency=urgency)).as_json()

    def situation(self, terms: UpgradeTerms, urgency: Urgency) -> Situation:
        """What a plan would be made from."""
        with self.open() as home:
            planning = Planner(home, configured_providers(self._settings))
            return planning.situation(terms, home.store.days("upgraded_chunks"), urgency=urgency)

    def start_upgrade(
        self,
        max_tokens: Budget,
        target_quality: PaidLevel = "good",
        filter: Wanted = None,
        first_day: Day = None,
        last_day: Day = None,
        limit: Annotated[int | None, Field(description="Chunks, at most.")] = None,
        max_cost_usd: Annotated[
            float | None, Field(description="Dollars that it may cost at most.")
        ] = None,
        provider: Literal["anthropic", "openai"] | None = None,
        model: str | None = None,
        delivery: HowReplied = "now",
    ) -> dict[str, Any]:
        """Start an upgrade, which SPENDS up to max_tokens of the user's tokens. Ask the user first,
        and name the cost.

        It goes on by itself; follow it with upgrade_progress. Refused where it asks for more than
        this server may spend today.
        """
        with self.open() as home, open_instance(self._settings):
            account = home.ledger.open_scope(*self._account(home))
            terms = UpgradeTerms(
                target_quality=target_quality,
                filter=filter,
                first_day=first_day,
                last_day=last_day,
                limit=limit,
                provider=provider,
                model=model,
                max_tokens=max_tokens,
                max_cost_usd=None if max_cost_usd is None else read_usd(max_cost_usd),
                delivery=delivery,
                account=account,
            )
            self._require_room(home, max_tokens)
            providers = configured_providers(self._settings)
            _require_key(providers[provider or DEFAULT_PROVIDER])
            offers = Offers(home, providers)
            warnings = offers.check(terms)
            # If all of it were output, which costs most.
            now = home.ledger.clock()
            price = Estimate.of(offers.open(terms), at=now).price
            most_usd = worst_case(
                price, input_tokens=0, output_tokens=max_tokens, at=now, delivery=delivery
            ).cost_usd
            if terms.max_cost_usd is not None:
                most_usd = min(most_usd, terms.max_cost_usd)
            request_id = uuid4().hex[:12]
            executor = DreamingExecutor(home, providers, run_id="mcp")
            executor.begin(request_id, terms)
        priority = TaskPriority.HIGH if target_quality == "premium" else TaskPriority.MEDIUM
        self._children[request_id] = _spawned(
            Launch.of_upgrade(terms, request_id=request_id, priority=priority)
        )
        return {
            "request_id": request_id,
            "may_cost_at_most": {"tokens": max_tokens, "usd": f"{most_usd:.4f}"},
            "warnings": warnings,
            "next": f"upgrade_progress(request_id={request_id!r})",
        }

    def stop_upgrade(self, request_id: str) -> dict[str, Any]:
        """Stop an upgrade that is under way, and call off what waits at the vendor. What was bought
        stays.
        """
        with self.open() as home, open_instance(self._settings) as instance:
            home.requests.get(request_id)
            # A run that is only about to begin is not there to be canceled.
            home.requests.end(request_id, at=home.clock())
            unfinished = dg.RunsFilter(tags={REQUEST_TAG: request_id}, statuses=UNFINISHED)
            runs = instance.get_runs(unfinished)
            for run in runs:
                instance.report_run_canceling(run)
            cancel_batches(home, configured_providers(self._settings), request_id)
        return {"request_id": request_id, "stopping": [run.run_id for run in runs]}

    def undo_upgrade(self, request_id: str) -> dict[str, Any]:
        """Take an upgrade back: the chunks before it are current
        again. What it cost stays spent.
        """
        with self.open() as home:
            days = home.undo(request_id)
            cancel_batches(home, configured_providers(self._settings), request_id)
            return {"request_id": request_id, "days": days}

    def import_conversations(
        self,
        path: Annotated[
            str, Field(description="An export file or a folder of them, on this machine.")
        ],
    ) -> dict[str, Any]:
        """Import conversations exported by other assistants, and make basic chunks of them. Free,
        and stays here.
        """
        try:
            file = Path(path).expanduser()
            is_there = file.exists()
        except (OSError, RuntimeError):
            is_there = False
        if not is_there:
            raise UsageError(
                f"There is nothing at {path!r}. Give the path of an export file or folder."
            )
        with self.open() as home, open_instance(self._settings):
            report = ImportReport()
            stored = home.archive.add(read_exports([file], report))
            days = home.pipeline.waiting_days()
        if days:
            _spawned(Launch.of_days(days, rechunk="changed", stage="initial"))
        return import_summary(report, stored) | {"days_in_work": len(days)}

    def _account(self, home: Home) -> tuple[str, Limit]:
        """The scope of what servers with this limit may spend today, in UTC, and the limit."""
        return f"mcp/{self._max_tokens}/{home.ledger.clock():%Y-%m-%d}", Limit(
            tokens=self._max_tokens
        )

    def _left(self, home: Home) -> Balance:
        """What is left of it."""
        scope_id, limit = self._account(home)
        return replace(home.ledger.balance(scope_id), limit=limit)

    def _require_room(self, home: Home, max_tokens: int) -> None:
        left = self._left(home).room.tokens or 0
        if max_tokens > left:
            raise UsageError(
                f"max_tokens = {max_tokens:,} is more than the {left:,} that this server may still "
                f"spend today, of {self._max_tokens:,}. Ask for less; the limit is set where the "
                "server is started."
            )


def _require_key(provider: ConfiguredProvider) -> None:
    if not provider.can_be_paid:
        raise UsageError(
            f"There is no key for {provider.name}. Put {provider.name.upper()}_API_KEY into the "
            "env of this server's settings in the client."
        )


def _spawned(launch: Launch) -> Popen[bytes]:
    """A run in a process of its own, whose end is waited for, so that it leaves nothing behind."""
    child = spawn(launch)
    Thread(target=child.wait, daemon=True).start()
    return child


def _hit(record: Mapping[str, Any]) -> dict[str, Any]:
    """What an assistant needs to know of a chunk."""
    names = (
        "chunk_id",
        "conversation_id",
        "day",
        "quality_level",
        "language",
        "labels",
        "speaker",
        "summary",
    )
    return {name: record[name] for name in names}


def _chunks_of(home: Home, conversation_id: ConversationId) -> list[BChunk]:
    """The chunks of talk of a conversation, in order; raises `UsageError` where none is held."""
    rows: list[BChunk] = []
    for day in sorted(home.index.days_of(conversation_id)):
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            rows += [row for row in chunks.of_conversation(conversation_id) if row.kind == "text"]
    if not rows:
        raise UsageError(
            f"No conversation {conversation_id!r} is held. search_memory shows the ids of what it "
            "finds."
        )
    return rows
