"""The local LLM: Ollama, else a server that speaks OpenAI's Chat Completions, else none (and the
rules do the work).
"""

from dataclasses import replace
from datetime import date

from dreaming.model_call import Failure, FailureReason, ModelCall, Outcome
from dreaming.providers.machines import is_here, is_passed_on
from dreaming.providers.ollama import OllamaModel
from dreaming.providers.openai import CompatibleServer
from dreaming.providers.provider import Limits, LLMProvider, ProviderSettings

DEFAULT_MODEL = "llama-3.2-3b"
DEFAULT_LIMITS = Limits(timeout_seconds=600, max_concurrency=2, window_tokens=3_000)
"""A small model on a CPU takes a minute for what a cloud takes seconds for, and has a small
context.
"""

OLLAMA_URL = "http://127.0.0.1:11434"
LLAMA_CPP_URL = "http://127.0.0.1:8080/v1"
_OPENAI_PATH = "/v1"
"""By how its address ends, a server that speaks OpenAI's wire is told from Ollama."""


class LocalProvider(LLMProvider):
    """A model of the user's own, on this machine as a rule.

    With a `base_url` only that server is asked: one whose address ends in /v1 in OpenAI's way, any
    other as Ollama. Without one, Ollama and then llama.cpp's server at the ports that are theirs by
    default.
    """

    name = "local"
    is_local = True

    def __init__(self, settings: ProviderSettings, *, today: date) -> None:
        model = settings.resolve(self.name, DEFAULT_MODEL, today=today)
        super().__init__(model, settings.limits(DEFAULT_LIMITS), settings.reply_shape)
        self._settings = settings
        self._urls = (settings.base_url,) if settings.base_url else (OLLAMA_URL, LLAMA_CPP_URL)
        self._server: LLMProvider | None = None

    @property
    def stays_here(self) -> bool:
        """Whether all servers that may be asked are here, and none
        passes the model on to a cloud.
        """
        here = all(is_here(url, self._settings.own_hosts) for url in self._urls)
        return here and not is_passed_on(self.model.served)

    async def connect(self) -> Failure | None:
        """Find the first server that has the model."""
        missing: list[str] = []
        for url in self._urls:
            server = self._speaker(url)
            models = await server.list_models()
            await server.aclose()
            served = _choose(
                models, self.model.served, only_one_counts=isinstance(server, CompatibleServer)
            )
            if served is not None:
                self.model = replace(self.model, served=served)
                server.model = self.model
                self._server = server
                return None
            if models is not None:
                missing.append(url)
        return self._failure(missing)

    async def send(self, call: ModelCall) -> Outcome:
        """Make one attempt."""
        if self._server is None and (failure := await self.connect()) is not None:
            return failure
        assert self._server is not None
        return await self._server.send(call)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._server is not None:
            await self._server.aclose()

    def _speaker(self, url: str) -> OllamaModel | CompatibleServer:
        if url.rstrip("/").endswith(_OPENAI_PATH):
            return CompatibleServer(replace(self._settings, base_url=url), self.model, self.limits)
        return OllamaModel(url, self.model, self.limits, self.reply_shape)

    def _failure(self, without_model: list[str]) -> Failure:
        asked = " and ".join(self._urls)
        if without_model:
            advice = (
                f"Pull it (`ollama pull {self.model.served}`), or set DREAMING_LOCAL_MODEL to one "
                "that is there."
            )
            message = f"{' and '.join(without_model)} has no model {self.model.served!r}. {advice}"
            return Failure(reason=FailureReason.NO_SUCH_MODEL, charge="released", message=message)
        message = (
            f"No local LLM answers at {asked}. Start Ollama, or set DREAMING_LOCAL_URL to where "
            "yours is."
        )
        return Failure(reason=FailureReason.UNREACHABLE, charge="released", message=message)


def _choose(models: list[str] | None, wanted: str, *, only_one_counts: bool) -> str | None:
    """The name by which a server has a model; a server of one
    model has it whatever it is called.
    """
    for name in (wanted, f"{wanted}:latest"):
        if models and name in models:
            return name
    return models[0] if models and only_one_counts and len(models) == 1 else None
