"""Sessions and traffic counters of the simulated source; in memory, so that a restart ends every session."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

_DIGITS = re.compile(r"/\d+(?=/|$)")


@dataclass(slots=True)
class Session:
    """One signed-in client; `calls` counts the requests made with it.

    `cookie` is the value that its cookie has now, `cookie_calls` the requests made with that, `old_cookies` how many
    requests each older value still takes (None: any number).
    """

    token: str
    builder_id: int
    cookie: str = ""
    calls: int = 0
    cookie_calls: int = 0
    old_cookies: dict[str, int | None] = field(default_factory=dict)
    last_at: datetime | None = None
    is_over: bool = False

    def takes(self, cookie: str) -> bool:
        """Count a request that names the session by this value of its cookie; False if the value is dead."""
        if cookie == self.cookie:
            self.cookie_calls += 1
            return True
        left = self.old_cookies.get(cookie, 0)
        if left:
            self.old_cookies[cookie] = left - 1
        return left is None or left > 0


@dataclass(slots=True)
class SignInTries:
    """Wrong passwords of a company since the last right one, and when they locked its account."""

    wrong_in_a_row: int = 0
    locked_since: datetime | None = None

    def note_wrong(self, *, lock_after: int | None, now: datetime) -> bool:
        """Count a wrong password; True when it is the one that locks the account."""
        self.wrong_in_a_row += 1
        locks = lock_after is not None and self.wrong_in_a_row >= lock_after
        if locks:
            self.locked_since = now
        return locks

    def clear(self) -> None:
        self.wrong_in_a_row, self.locked_since = 0, None


class Sessions:
    """Every session of the sandbox, ended ones included: their next request must get the company's end signal."""

    def __init__(self) -> None:
        self._by_token: dict[str, Session] = {}
        self._tries: dict[int, SignInTries] = {}

    def tries(self, builder_id: int) -> SignInTries:
        return self._tries.setdefault(builder_id, SignInTries())

    def begin(self, builder_id: int) -> Session:
        token = secrets.token_urlsafe(48)
        session = Session(token, builder_id, cookie=token)
        self._by_token[token] = session
        return session

    def renew_cookie(self, session: Session, *, grace_calls: int | None) -> str:
        """A new value for the session's cookie; the old one works for so many requests more (None: for ever)."""
        session.old_cookies[session.cookie] = grace_calls
        session.cookie, session.cookie_calls = secrets.token_urlsafe(48), 0
        self._by_token[session.cookie] = session
        return session.cookie

    def find(self, token: str) -> Session | None:
        return self._by_token.get(token)

    def end_all(self, builder_id: int) -> int:
        """End the company's live sessions; returns how many there were."""
        named = {one.token: one for one in self._by_token.values()}.values()
        live = [one for one in named if one.builder_id == builder_id and not one.is_over]
        for session in live:
            session.is_over = True
        return len(live)


@dataclass(slots=True)
class Counters:
    """What one company's clients did since the last reset; ids in paths are replaced by `{id}`."""

    clock: Callable[[], float] = monotonic
    requests: Counter[str] = field(default_factory=Counter)
    sign_ins_successful: int = 0
    sign_ins_failed: int = 0
    sessions_ended: int = 0
    most_in_flight: int = 0
    smallest_gap_ms: float | None = None
    _in_flight: int = 0
    _last_at: float | None = None

    @contextmanager
    def counting(self, path: str) -> Iterator[None]:
        """Counts one request, how many run at a time, and the time since the one before began."""
        now = self.clock()
        if self._last_at is not None:
            gap_ms = (now - self._last_at) * 1000
            self.smallest_gap_ms = gap_ms if self.smallest_gap_ms is None else min(gap_ms, self.smallest_gap_ms)
        self._last_at = now
        self.requests[_DIGITS.sub("/{id}", path)] += 1
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1

    def as_json(self) -> dict[str, object]:
        gap_ms = self.smallest_gap_ms
        return {
            "requests": dict(sorted(self.requests.items())),
            "requests_total": self.requests.total(),
            "sign_ins": {"successful": self.sign_ins_successful, "failed": self.sign_ins_failed},
            "sessions_ended": self.sessions_ended,
            "most_in_flight": self.most_in_flight,
            "smallest_gap_ms": None if gap_ms is None else round(gap_ms, 1),
        }


class CounterBook:
    """The counters of every company, and under `None` those of clients whose company is unknown."""

    def __init__(self) -> None:
        self._counters: dict[int | None, Counters] = {}

    def of(self, builder_id: int | None) -> Counters:
        return self._counters.setdefault(builder_id, Counters())

    def reset(self, builder_id: int | None) -> None:
        self._counters.pop(builder_id, None)
