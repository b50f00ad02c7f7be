"""What goes wrong on the wire -> typed failures: what it is, whether it was charged, and whether to
try again.

400, 401, 403, 404, 413, 422, 429 and connections that were never made are not charged; 5xx,
timeouts and broken connections may have been, so nobody can tell; a success is charged, whatever
its body. Messages are our own words: a vendor's may repeat a key or what was said.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from dreaming.model_call import Charge, Failure, FailureReason

_REASONS: Mapping[int, FailureReason] = {
    401: FailureReason.UNAUTHORIZED,
    402: FailureReason.QUOTA_EXHAUSTED,
    403: FailureReason.UNAUTHORIZED,
    404: FailureReason.NO_SUCH_MODEL,
    408: FailureReason.TIMEOUT,
    409: FailureReason.SERVER_ERROR,
    429: FailureReason.RATE_LIMITED,
    503: FailureReason.OVERLOADED,
    504: FailureReason.TIMEOUT,
    529: FailureReason.OVERLOADED,
}
_TRANSIENT = frozenset(
    {
        FailureReason.RATE_LIMITED,
        FailureReason.OVERLOADED,
        FailureReason.SERVER_ERROR,
        FailureReason.TIMEOUT,
        FailureReason.DISCONNECTED,
        FailureReason.UNREACHABLE,
    }
)
_UNKNOWN_CHARGE = frozenset({408, 409})
_NO_CREDIT = re.compile(
    "insufficient_quota|billing|credit balance|spend limit|quota exceeded", re.IGNORECASE
)
_ADVICE: Mapping[FailureReason, str] = {
    FailureReason.UNAUTHORIZED: "Its key was not accepted. Check the key and what it may use.",
    FailureReason.QUOTA_EXHAUSTED: "Its account has no credit or quota left. Nothing more is sent "
    "to it in this run.",
    FailureReason.NO_SUCH_MODEL: "It does not serve the model {model!r}, or not to this key. "
    "Choose another model.",
    FailureReason.BAD_REQUEST: "It did not accept the request for the model {model!r}.",
    FailureReason.RATE_LIMITED: "It asks for fewer requests.",
    FailureReason.OVERLOADED: "It is overloaded.",
    FailureReason.SERVER_ERROR: "It failed; whether the call was charged is not known.",
    FailureReason.TIMEOUT: "It timed out; whether the call was charged is not known.",
}


def status_failure(
    provider: str, model: str, status: int, headers: Mapping[str, str], said: str, *, seconds: float
) -> Failure:
    """The failure of an HTTP status. `said` is the vendor's error, read for its kind and not
    repeated.
    """
    reason = _reason(status, said)
    charge: Charge = (
        "unknown"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _UNKNOWN_CHARGE
        else "released"
    )
    return Failure(
        reason=reason,
        charge=charge,
        message=f"{provider} answered {status}. {_ADVICE[reason].format(model=model)}",
        transient=reason in _TRANSIENT,
        retry_after_seconds=retry_after(headers),
        status=status,
        vendor_ref=headers.get("request-id") or headers.get("x-request-id"),
        seconds=seconds,
    )


def _reason(status: int, said: str) -> FailureReason:
    if status in (400, 403, 429) and _NO_CREDIT.search(said):
        return FailureReason.QUOTA_EXHAUSTED
    if status in _REASONS:
        return _REASONS[status]
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return FailureReason.SERVER_ERROR if server else FailureReason.BAD_REQUEST


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as a vendor asks for: `retry-after-ms`, or `retry-after` in seconds or as a
    date (RFC 9110).
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(0.0, float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    try:
        until, now = (
            parsedate_to_datetime(headers["retry-after"]),
            parsedate_to_datetime(headers["date"]),
        )
    except (KeyError, ValueError):
        return None
    return max(0.0, (until - now).total_seconds())


def connection_failure(provider: str, error: BaseException, *, seconds: float) -> Failure:
    """The failure of a connection, from the error of an HTTP client or its causes, told by the
    names of their types.
    """
    names = {type(each).__name__ for each in _causes(error)}
    if names & {
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ConnectionRefusedError",
        "UnsupportedProtocol",
    }:
        reason, charge, message = (
            FailureReason.UNREACHABLE,
            "released",
            "cannot be reached; nothing was sent.",
        )
    elif any("Timeout" in name for name in names):
        reason, charge, message = (
            FailureReason.TIMEOUT,
            "unknown",
            f"did not answer within {seconds:.0f} s.",
        )
    else:
        reason, charge, message = (
            FailureReason.DISCONNECTED,
            "unknown",
            "broke the connection before it had answered.",
        )
    return Failure(
        reason=reason,
        charge=charge,  # type: ignore[arg-type] # one of the three above
        message=f"{provider} {message}",
        transient=True,
        seconds=seconds,
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def unreadable_failure(provider: str, *, seconds: float, vendor_ref: str | None = None) -> Failure:
    """A success whose body is not what the vendor promises: charged, and nobody knows how much."""
    return Failure(
        reason=FailureReason.UNREADABLE,
        charge="charged",
        message=f"{provider} answered with success and a body that cannot be read.",
        vendor_ref=vendor_ref,
        seconds=seconds,
    )


def missing_key_failure(provider: str, variable: str) -> Failure:
    """There is no key: nothing is sent."""
    return Failure(
        reason=FailureReason.MISSING_KEY,
        charge="released",
        message=f"{provider} needs a key: set {variable}.",
    )
