"""One attempt through a vendor's SDK: what it raises becomes a typed failure. Anthropic's and OpenAI's are alike."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import perf_counter
from typing import Protocol

from dreaming.model_call import Answer, Outcome
from dreaming.providers.faults import connection_failure, status_failure, unreadable_failure


class SdkErrors(Protocol):
    """The errors of an SDK: its module has them."""

    @property
    def APIStatusError(self) -> type[Exception]:  # noqa: N802 # the SDK's name
        """An HTTP status of 4xx or 5xx."""
        ...

    @property
    def APIConnectionError(self) -> type[Exception]:  # noqa: N802
        """No connection, or a broken one."""
        ...

    @property
    def APIResponseValidationError(self) -> type[Exception]:  # noqa: N802
        """A body that the SDK cannot read."""
        ...


async def attempt(ask: Callable[[], Awaitable[Answer]], *, provider: str, model: str, errors: SdkErrors) -> Outcome:
    """Ask once. `ask` sends the request and reads the reply; a body that it cannot read makes it raise."""
    started = perf_counter()
    try:
        answer = await ask()
    except errors.APIStatusError as error:
        return _status(error, provider, model, perf_counter() - started)
    except errors.APIConnectionError as error:
        return connection_failure(provider, error, seconds=perf_counter() - started)
    except (errors.APIResponseValidationError, ValueError, TypeError, LookupError, AttributeError):
        return unreadable_failure(provider, seconds=perf_counter() - started)
    return replace(answer, seconds=perf_counter() - started)


def _status(error: Exception, provider: str, model: str, seconds: float) -> Outcome:
    response, body = error.response, error.body  # type: ignore[attr-defined] # both SDKs' status errors have them
    status: int = response.status_code
    return status_failure(provider, model, status, response.headers, str(body)[:2_000], seconds=seconds)
