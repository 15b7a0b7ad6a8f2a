"""Cookies that ordinary answers renew (S8): those of the application's host, bounded; deletions are honoured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from producers.buildertrend.sign_in import Session

_MOST_SET = 50
_LONGEST = 16_384
_LONGEST_DATE = 64


def renewed(session: Session, set_cookies: Sequence[str], *, host: str, now: datetime) -> Session:
    """The session with what an answer of `host` sets; the same object if nothing changed.

    What no request could carry is left out. A session is never emptied: that it is over, the next answer tells.
    """
    found = session
    for header in set_cookies[:_MOST_SET]:
        if len(header) <= _LONGEST:
            found = _with(found, header, host=host, now=now)
    return session if found.cookies == session.cookies else found


def _with(session: Session, header: str, *, host: str, now: datetime) -> Session:
    pair, *rest = header.split(";")
    name, is_pair, value = (part.strip() for part in pair.partition("="))
    stated = {key.strip().lower(): text.strip() for key, _, text in (one.partition("=") for one in rest)}
    if not (is_pair and name) or not _is_for(host, stated):
        return session
    cookies = {key: kept for key, kept in session.cookies.items() if key != name}
    if value and not _is_over(stated, now):
        cookies = session.cookies | {name: value}
    if not cookies and not session.token:
        return session
    try:
        return Session(cookies, session.token)
    except ValueError:
        return session


def _is_for(host: str, stated: dict[str, str]) -> bool:
    """Whether a cookie goes with requests for data: of this host, or of a domain that it lies in, and of every path."""
    domain = stated.get("domain", "").lstrip(".").lower()
    inside = not domain or host == domain or ("." in domain and host.endswith("." + domain))
    return inside and stated.get("path", "/") in ("", "/")


def _is_over(stated: dict[str, str], now: datetime) -> bool:
    """Max-Age counts before Expires; a date that nobody can read is none."""
    age = stated.get("max-age", "")
    if age.lstrip("-").isdecimal() and age.isascii():
        return age.startswith("-") or not age.strip("0")
    try:
        at = parsedate_to_datetime(stated.get("expires", "")[:_LONGEST_DATE])
        return at.replace(tzinfo=at.tzinfo or UTC) <= now
    except (ValueError, OverflowError):
        return False
