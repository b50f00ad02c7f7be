"""Something tried through a vendor's SDK: what it raises becomes a typed failure. Anthropic's and
OpenAI's agree.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import perf_counter
from typing import Protocol, TypeVar

from dreaming.model_call import Answer, Failure, Outcome
from dreaming.providers.faults import connection_failure, status_failure, unreadable_failure

_Got = TypeVar("_Got")


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


async def attempt(
    ask: Callable[[], Awaitable[Answer]], *, provider: str, model: str, errors: SdkErrors
) -> Outcome:
    """Ask once. `ask` sends the request and reads the reply; a body that it cannot read makes it
    raise.
    """
    started = perf_counter()
    answer = await try_to(ask, provider=provider, model=model, errors=errors)
    return (
        answer if isinstance(answer, Failure) else replace(answer, seconds=perf_counter() - started)
    )


async def try_to(
    do: Callable[[], Awaitable[_Got]], *, provider: str, model: str, errors: SdkErrors
) -> _Got | Failure:
    """Do something once; a body that `do` cannot read makes it raise."""
    started = perf_counter()
    try:
        return await do()
    except errors.APIStatusError as error:
        return _status(error, provider, model, perf_counter() - started)
    except errors.APIConnectionError as error:
        return connection_failure(provider, error, seconds=perf_counter() - started)
    except (errors.APIResponseValidationError, ValueError, TypeError, LookupError, AttributeError):
        return unreadable_failure(provider, seconds=perf_counter() - started)


def _status(error: Exception, provider: str, model: str, seconds: float) -> Failure:
    response, body = error.response, error.body  # type: ignore[attr-defined] # both SDKs' status errors have them
    status: int = response.status_code
    return status_failure(
        provider, model, status, response.headers, str(body)[:2_000], seconds=seconds
    )
