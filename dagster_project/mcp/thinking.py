"""The client's model as a planner: asked through the client, where it offers that."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Resolve, Sample
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    CreateMessageRequest,
    CreateMessageResult,
    SamplingMessage,
    TextContent,
)
from mcp_types.version import is_version_at_least

from dagster_project.mcp.arguments import Budget, Wanted
from dagster_project.mcp.replies import clear_errors
from dagster_project.mcp.tools import DEFAULT_MAX_TOKENS, MemoryServer
from dreaming.planning.plan import PlannerName
from dreaming.planning.situation import Urgency
from dreaming.planning.thinking import (
    MAX_REPLY_TOKENS,
    THINKING_SECONDS,
    Question,
    Thinker,
    ThinkingFailed,
    ask,
)
from dreaming.upgrading.terms import PaidLevel, UpgradeTerms


class ClientAnswer:
    """A thinking model whose answer, or failure, is known already."""

    def __init__(self, answer: str | None, why_not: str = "") -> None:
        self._answer = answer
        self._why_not = why_not

    async def think(self, _question: Question) -> str:
        """The answer; raises `ThinkingFailed` where there was none."""
        if self._answer is None:
            raise ThinkingFailed(self._why_not)
        return self._answer


def planning_tool(memory: MemoryServer) -> Callable[..., Awaitable[dict[str, Any]]]:
    """The tool `plan_upgrade`, which asks the client's model first where that is asked for."""

    async def think(
        ctx: Context[Any, Any],
        target_quality: PaidLevel,
        filter: str | None,
        max_tokens: int,
        urgency: Urgency,
        planner: PlannerName,
    ) -> Any:
        """What the client's own model answers, where thinking is asked for and the client offers
        sampling.
        """
        capabilities = ctx.client_capabilities
        if planner != "thinking" or capabilities is None or capabilities.sampling is None:
            return None
        terms = _terms(target_quality, filter, max_tokens)
        return await _sample(ctx, ask(await asyncio.to_thread(memory.situation, terms, urgency)))

    async def plan_upgrade(
        thought: Annotated[Any, Resolve(think)],
        target_quality: PaidLevel = "good",
        filter: Wanted = None,
        max_tokens: Budget = DEFAULT_MAX_TOKENS,
        urgency: Urgency = "low",
        planner: PlannerName = "rules",
    ) -> dict[str, Any]:
        """Plan the best upgrade for a budget: which chunks, model and cost, with what gain, and
        why. Starts nothing.

        `planner` rules costs nothing. With thinking, the model of this client is asked where the
        client offers sampling; else one that the user has configured, which SPENDS a few thousand
        tokens of the user's budget.
        """
        terms = _terms(target_quality, filter, max_tokens)
        return await memory.plan_upgrade(
            terms, planner=planner, urgency=urgency, thinker=_thinker(thought)
        )

    return plan_upgrade


async def _sample(ctx: Context[Any, Any], question: Question) -> Any:
    """Ask the client's model: by the protocol's newer way, which the framework drives, or by a
    request of the older.
    """
    asked = Sample(
        [SamplingMessage(role="user", content=TextContent(type="text", text=question.content))],
        max_tokens=MAX_REPLY_TOKENS,
        system_prompt=question.instructions,
    )
    if is_version_at_least(ctx.protocol_version or "", "2026-07-28"):
        return asked
    try:
        return await ctx.session.send_request(
            CreateMessageRequest(params=asked.params),
            CreateMessageResult,
            request_read_timeout_seconds=THINKING_SECONDS,
            metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
        )
    except (MCPError, TimeoutError, ValueError) as error:
        return ClientAnswer(
            None, f"The client's model gave no answer: {error or type(error).__name__}"
        )


def _terms(target_quality: PaidLevel, wanted: str | None, max_tokens: int) -> UpgradeTerms:
    with clear_errors():
        return UpgradeTerms(target_quality=target_quality, filter=wanted, max_tokens=max_tokens)


def _thinker(thought: Any) -> Thinker | None:
    """The thinking model that a sampling result is; None where the client was not asked."""
    if isinstance(thought, CreateMessageResult):
        content = thought.content
        return (
            ClientAnswer(content.text)
            if isinstance(content, TextContent)
            else ClientAnswer(None, "The answer is no text.")
        )
    return thought if isinstance(thought, ClientAnswer) else None
