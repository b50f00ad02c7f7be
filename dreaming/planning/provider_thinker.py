"""A model of a configured provider as the thinking model."""

from collections.abc import Mapping
from datetime import timedelta

from dreaming.errors import ConfigurationError
from dreaming.home import Home
from dreaming.model_call import Answer, ModelCall
from dreaming.planning.thinking import (
    MAX_REPLY_TOKENS,
    THINKING_SECONDS,
    Question,
    Thinker,
    ThinkingFailed,
)
from dreaming.providers.provider import LLMProvider
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.meter import Meter


class ProviderThinker:
    """A thinking model of a configured provider, metered in the budget of its tier."""

    def __init__(
        self,
        home: Home,
        configured: ConfiguredProvider,
        *,
        run_id: str | None = None,
        account: str | None = None,
    ) -> None:
        self._home = home
        self._configured = configured
        self._run_id = run_id
        self._account = account

    async def think(self, question: Question) -> str:
        """The model's answer.

        Raises `ThinkingFailed` when there is no answer, or no budget bounds its cost.
        """
        provider = self._open()
        if not self._is_bounded(provider):
            raise ThinkingFailed(f"No budget of {provider.name} bounds what thinking may spend.")
        call = ModelCall(
            conversation_id=None,
            instructions=question.instructions,
            content=question.content,
            schema=question.schema,
            max_output_tokens=MAX_REPLY_TOKENS,
            prompt_version="plan-1",
        )
        async with provider:
            outcome = await provider.send(call)
        if not isinstance(outcome, Answer):
            raise ThinkingFailed(outcome.message)
        return outcome.text

    def _open(self) -> LLMProvider:
        now = self._home.clock()
        # The meter gives a call a third of the time that is left: this lets the first one have all
        # of the time for thinking.
        deadline_at = now + timedelta(seconds=3 * THINKING_SECONDS)
        meter = Meter(
            self._home.ledger,
            purpose="planning",
            run_id=self._run_id,
            deadline_at=deadline_at,
            account=self._account,
        )
        today = now.date()
        try:
            # A good model is enough for a short question, and costs a part of a premium one.
            model = self._configured.model_for("good", today=today)
            return self._configured.open(meter, today=today, model=model)
        except ConfigurationError as error:
            raise ThinkingFailed(str(error)) from None

    def _is_bounded(self, provider: LLMProvider) -> bool:
        level = provider.model.quality_level
        balances = self._home.ledger.window_balances(provider.name, level)
        return any(balance.limit for balance in balances.values())


def configured_thinker(
    home: Home,
    providers: Mapping[str, ConfiguredProvider],
    *,
    run_id: str | None = None,
    account: str | None = None,
) -> Thinker:
    """The first provider that can be paid, as the thinking model.

    Raises `ThinkingFailed` when no provider can be paid.
    """
    for configured in providers.values():
        if configured.can_be_paid:
            return ProviderThinker(home, configured, run_id=run_id, account=account)
    raise ThinkingFailed("No provider with a key can be asked to think.")
