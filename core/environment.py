"""This machine's own names, and what of the environment must not reach a stack whose servers all stand on it.

Settings of another deployment, libpq's variables and options for every JVM would each affect it.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Mapping, MutableMapping

import httpx

from core.errors import ConfigurationError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_JVM = ("CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_FOREIGN_PREFIXES = ("PG", "QUARKUS_", "REGISTRY_", "KAFKA_")


def leave_out(environment: MutableMapping[str, str], settings: Iterable[str]) -> None:
    """Remove these settings, the variables of libpq and the options for JVMs from an environment."""
    named = {name.upper() for name in settings}
    for name in list(environment):
        plain = name.upper()
        if plain.removesuffix("_FILE") in named or plain in _JVM or plain.startswith(_FOREIGN_PREFIXES):
            del environment[name]


def leave_out_proxies(environment: MutableMapping[str, str]) -> None:
    """Remove the proxies, for a process that only talks to this machine."""
    for name in list(environment):
        if name.upper() in _PROXIES:
            del environment[name]


def check_proxies(environment: Mapping[str, str]) -> None:
    """ConfigurationError if an HTTP client could not be made with the proxies of the environment."""
    names = proxies_of(environment)
    if not names:
        return
    try:
        httpx.Client(trust_env=True).close()
    except (ImportError, ValueError, httpx.InvalidURL) as exc:
        raise ConfigurationError(
            f"{' or '.join(names)} of the environment is no proxy that can be used ({type(exc).__name__}): it takes "
            "http://host:port or https://host:port; or unset it."
        ) from None


def reach_loopback_directly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Add this machine's names to NO_PROXY, where there is a proxy: HTTP clients would send it local requests."""
    if not proxies_of(environment):
        return
    for name in ("NO_PROXY", "no_proxy"):
        stated = [part.strip() for part in environment.get(name, "").split(",") if part.strip()]
        environment[name] = ",".join([*stated, *(host for host in LOOPBACK if host not in stated)])


def proxies_of(environment: Mapping[str, str]) -> list[str]:
    """Names of the proxy variables that are set, in the order in which clients look."""
    return [name for name in environment if name.upper() in _PROXIES and environment[name]]


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
