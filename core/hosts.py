"""Names of hosts as requests and settings state them."""

from __future__ import annotations

import ipaddress


def host_of(stated: str) -> str:
    """The host of a `Host` header, without its port and brackets, in lower case."""
    text = stated.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether a name or address can only mean this machine."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
