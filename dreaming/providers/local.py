"""The local LLM: Ollama, or a server that speaks OpenAI's Chat Completions."""

from dataclasses import replace
from datetime import date

from dreaming.model_call import Failure, FailureReason, ModelCall, Outcome
from dreaming.providers.machines import is_forwarded, is_here
from dreaming.providers.ollama import OllamaModel
from dreaming.providers.openai import CompatibleServer
from dreaming.providers.provider import Limits, LLMProvider, ProviderSettings

DEFAULT_LIMITS = Limits(timeout_seconds=600, max_concurrency=2, window_tokens=3_000)
"""A small model on a CPU takes minutes where a cloud takes seconds, and has a small context."""

OLLAMA_URL = "http://127.0.0.1:11434"
LLAMA_CPP_URL = "http://127.0.0.1:8080/v1"
_OPENAI_PATH = "/v1"
"""An address that ends so is a server of OpenAI's protocol; any other is Ollama."""


class LocalProvider(LLMProvider):
    """A model of the user's own, usually on this machine.

    With a `base_url` only that server is asked: one whose address ends in /v1 in OpenAI's protocol,
    any other as Ollama. Without one, Ollama and then llama.cpp's server, at their default ports.
    """

    name = "local"
    is_local = True

    def __init__(self, settings: ProviderSettings, *, today: date) -> None:
        model = settings.resolve(self.name, today=today)
        super().__init__(model, settings.limits(DEFAULT_LIMITS), settings.reply_shape)
        self._settings = settings
        self._urls = (settings.base_url,) if settings.base_url else (OLLAMA_URL, LLAMA_CPP_URL)
        self._server: LLMProvider | None = None

    @property
    def stays_here(self) -> bool:
        """Whether all servers that may be asked are here, and none forwards to a cloud."""
        are_here = all(is_here(url, self._settings.own_hosts) for url in self._urls)
        return are_here and not is_forwarded(self.model.served)

    async def connect(self) -> Failure | None:
        """Find the first server that has the model."""
        urls_without_model: list[str] = []
        for url in self._urls:
            server = self._client_of(url)
            models = await server.list_models()
            # Closed at once: at most one of the servers is used, and that one connects anew.
            await server.aclose()
            if models is None:
                continue
            served = _choose(
                models, self.model.served, any_single=isinstance(server, CompatibleServer)
            )
            if served is not None:
                self.model = replace(self.model, served=served)
                server.model = self.model
                self._server = server
                return None
            urls_without_model.append(url)
        return self._failure(urls_without_model)

    async def send(self, call: ModelCall) -> Outcome:
        if self._server is None:
            failure = await self.connect()
            if failure is not None:
                return failure
        assert self._server is not None
        return await self._server.send(call)

    async def aclose(self) -> None:
        if self._server is not None:
            await self._server.aclose()

    def _client_of(self, url: str) -> OllamaModel | CompatibleServer:
        if url.rstrip("/").endswith(_OPENAI_PATH):
            return CompatibleServer(replace(self._settings, base_url=url), self.model, self.limits)
        return OllamaModel(url, self.model, self.limits, self.reply_shape)

    def _failure(self, urls_without_model: list[str]) -> Failure:
        model = self.model.served
        if urls_without_model:
            advice = (
                f"Pull it (`ollama pull {model}`), or set DREAMING_LOCAL_MODEL to one that is "
                "there."
            )
            servers = " and ".join(urls_without_model)
            message = f"{servers} has no model {model!r}. {advice}"
            return Failure(reason=FailureReason.NO_SUCH_MODEL, charge="released", message=message)
        servers = " and ".join(self._urls)
        message = (
            f"No local LLM answers at {servers}. Start Ollama, or set DREAMING_LOCAL_URL to where "
            "yours is."
        )
        return Failure(reason=FailureReason.UNREACHABLE, charge="released", message=message)


def _choose(models: list[str], wanted: str, *, any_single: bool) -> str | None:
    """The server's name of the wanted model; None where it does not have it.

    With `any_single`, the only model of a server is taken, whatever its name.
    """
    # Ollama lists a model that was pulled without a tag as "latest".
    for name in (wanted, f"{wanted}:latest"):
        if name in models:
            return name
    # Such a server may name its one model as it likes, for example after a file.
    if any_single and len(models) == 1:
        return models[0]
    return None
