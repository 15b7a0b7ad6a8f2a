"""What is wrong with an address of Postgres, without quoting it: it holds a password, and drivers quote what they
cannot read.
"""

from __future__ import annotations

import re

_SCHEMES = ("postgresql://", "postgres://")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\[\]:@\s]*)(?::(?P<port>\d{1,5}))?")
_ENCODED = "write %25 for %, %40 for @, %3A for :, %2F for /, %3F for ? and %23 for # in the user and the password"


def fault_of(url: str) -> str:
    """A clause that says what to write instead; empty for an address that can be read in one way only."""
    scheme = next((each for each in _SCHEMES if url.startswith(each)), None)
    if scheme is None:
        return "must start with postgresql://"
    if any(ord(character) <= ord(" ") for character in url):
        return "holds a space or a control character: write it as %20, or the like"
    if _BARE_PERCENT.search(url):
        return f"holds a % that encodes nothing: {_ENCODED}"
    # Before the first of these stand user, password, hosts and ports; an @ after it belongs to the password.
    server, *rest = re.split(r"[/?#]", url.removeprefix(scheme), maxsplit=1)
    path = rest[0].partition("?")[0] if rest else ""
    login, _, hosts = server.rpartition("@")
    if "@" in login or "@" in path or "#" in url:
        return f"holds a character that means something else in an address: {_ENCODED}"
    return "" if all(map(_is_host, hosts.split(","))) else f"has no host:port where one belongs: {_ENCODED}"


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    return found is not None and (found["port"] is None or 0 < int(found["port"]) <= 65_535)
