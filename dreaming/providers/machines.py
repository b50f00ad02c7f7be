"""Which addresses are on this machine, or on one that the user says is his own."""

import re
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

_CLOUD_MODEL = re.compile(r"[:-]cloud$")
"""Ollama's names of models that the local server does not run, but forwards to a cloud."""


def is_here(url: str, own_hosts: Collection[str] = ()) -> bool:
    """Whether an address is loopback, or one of `own_hosts`.

    An address of a private network is not: it may be another person's in an office, or a cloud's.
    """
    # Without a scheme, urlsplit reads a host as a path; "//" marks it as a host.
    absolute = url if "://" in url else f"//{url}"
    # A trailing dot marks a full domain name; the host is the same.
    host = (urlsplit(absolute).hostname or "").rstrip(".")
    lowered_hosts = [own_host.lower() for own_host in own_hosts]
    if host in lowered_hosts:
        return True
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # Any other name counts as another machine: this function does not ask the DNS.
        return False


def is_forwarded(model: str) -> bool:
    """Whether a local server forwards calls of a model to a cloud."""
    return _CLOUD_MODEL.search(model) is not None
