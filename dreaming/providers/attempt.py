"""One attempt through a vendor's SDK: its errors become typed failures.

Anthropic's and OpenAI's SDKs have the same names of errors.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import perf_counter
from typing import Protocol, TypeVar

from dreaming.model_call import Answer, Failure, Outcome
from dreaming.providers.faults import connection_failure, status_failure, unreadable_failure

_Result = TypeVar("_Result")

MAX_ERROR_CHARACTERS = 2_000
"""Only the beginning of an error's body is searched for its kind: a body may be a page of HTML."""


class SdkErrors(Protocol):
    """The errors of an SDK, as its module has them."""

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
    """Ask once; `ask` sends the request, and raises for a reply that it cannot read."""
    started = perf_counter()
    outcome = await try_to(ask, provider=provider, model=model, errors=errors)
    if isinstance(outcome, Failure):
        return outcome
    return replace(outcome, seconds=perf_counter() - started)


async def try_to(
    do: Callable[[], Awaitable[_Result]], *, provider: str, model: str, errors: SdkErrors
) -> _Result | Failure:
    """Call `do` once; it raises for a body that it cannot read."""
    started = perf_counter()
    try:
        return await do()
    except errors.APIStatusError as error:
        return _status_failure(error, provider, model, perf_counter() - started)
    except errors.APIConnectionError as error:
        return connection_failure(provider, error, seconds=perf_counter() - started)
    # All that a body of another form than promised raises while it is read.
    except (errors.APIResponseValidationError, ValueError, TypeError, LookupError, AttributeError):
        return unreadable_failure(provider, seconds=perf_counter() - started)


def _status_failure(error: Exception, provider: str, model: str, seconds: float) -> Failure:
    # The status errors of both SDKs have these attributes; they share no type that has them.
    response = error.response  # type: ignore[attr-defined]
    body = error.body  # type: ignore[attr-defined]
    status: int = response.status_code
    error_text = str(body)[:MAX_ERROR_CHARACTERS]
    return status_failure(provider, model, status, response.headers, error_text, seconds=seconds)
