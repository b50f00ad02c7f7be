"""Which addresses are on this machine, or on one that the user says is his own."""

import re
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

_ELSEWHERE = re.compile(r"[:-]cloud$")
"""How the names of models end that a server on this machine only passes on to a cloud (Ollama)."""


def is_here(url: str, own_hosts: Collection[str] = ()) -> bool:
    """Whether an address is loopback, or one of `own_hosts`.

    An address of a private network is not: it may be anybody's in an office, and a cloud's.
    """
    host = (urlsplit(url if "://" in url else f"//{url}").hostname or "").rstrip(".")
    if (
        host in {each.lower() for each in own_hosts}
        or host == "localhost"
        or host.endswith(".localhost")
    ):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_passed_on(model: str) -> bool:
    """Whether a local server has a model only by name, and asks a cloud."""
    return _ELSEWHERE.search(model) is not None
