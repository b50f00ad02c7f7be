"""HTTP statuses and broken connections -> typed failures: reason, charge, and whether to retry.

400, 401, 403, 404, 413, 422, 429 and connections that were never made are not charged; 5xx,
timeouts and broken connections may have been, so their charge is unknown; a success is charged,
whatever its body. Messages are our own words: a vendor's may repeat a key or a conversation.
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
# A timeout and a server's error, though below 500: either may follow work that is charged.
_UNKNOWN_CHARGE = frozenset({408, 409})
# Some vendors have no status of its own for an account without credit: only their words differ
# from a bad request or a rate limit, which would be retried without a chance.
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
    provider: str,
    model: str,
    status: int,
    headers: Mapping[str, str],
    error_text: str,
    *,
    seconds: float,
) -> Failure:
    """The failure of an HTTP status; the vendor's `error_text` is read for its kind only."""
    reason = _reason(status, error_text)
    is_server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    may_be_charged = is_server_error or status in _UNKNOWN_CHARGE
    charge: Charge = "unknown" if may_be_charged else "released"
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


def _reason(status: int, error_text: str) -> FailureReason:
    if status in (400, 403, 429) and _NO_CREDIT.search(error_text):
        return FailureReason.QUOTA_EXHAUSTED
    if status in _REASONS:
        return _REASONS[status]
    is_server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return FailureReason.SERVER_ERROR if is_server_error else FailureReason.BAD_REQUEST


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a vendor asks to wait; None where it does not ask.

    Read from `retry-after-ms`, else from `retry-after` in seconds or as a date (RFC 9110).
    """
    for name, units_per_second in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(0.0, float(headers[name]) / units_per_second)
        except (KeyError, ValueError):
            continue
    # A date counts from the vendor's own `date`: the clock here may be wrong.
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        now = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None
    return max(0.0, (until - now).total_seconds())


# By the names of their types: SDKs bring HTTP clients of their own, which share the names only.
_NEVER_CONNECTED = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ConnectionRefusedError",
        "UnsupportedProtocol",
    }
)


def connection_failure(provider: str, error: BaseException, *, seconds: float) -> Failure:
    """The failure of a connection, from the error of an HTTP client and its causes."""
    type_names = {type(cause).__name__ for cause in _with_causes(error)}
    charge: Charge = "unknown"
    # First: a timeout while connecting is a timeout by its name, but nothing was sent.
    if type_names & _NEVER_CONNECTED:
        reason = FailureReason.UNREACHABLE
        charge = "released"
        message = "cannot be reached; nothing was sent."
    elif any("Timeout" in name for name in type_names):
        reason = FailureReason.TIMEOUT
        message = f"did not answer within {seconds:.0f} s."
    else:
        reason = FailureReason.DISCONNECTED
        message = "broke the connection before it had answered."
    return Failure(
        reason=reason,
        charge=charge,
        message=f"{provider} {message}",
        transient=True,
        seconds=seconds,
    )


def _with_causes(error: BaseException | None) -> list[BaseException]:
    """The error, the error that caused it, and so on; a cycle of causes ends it."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def unreadable_failure(provider: str, *, seconds: float, vendor_ref: str | None = None) -> Failure:
    """A success with a body that cannot be read: charged, and how much is not known."""
    return Failure(
        reason=FailureReason.UNREADABLE,
        charge="charged",
        message=f"{provider} answered with success and a body that cannot be read.",
        vendor_ref=vendor_ref,
        seconds=seconds,
    )


def missing_key_failure(provider: str, variable: str) -> Failure:
    """The failure of a call without a key: nothing is sent."""
    return Failure(
        reason=FailureReason.MISSING_KEY,
        charge="released",
        message=f"{provider} needs a key: set {variable}.",
    )
