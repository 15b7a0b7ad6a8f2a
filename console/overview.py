"""What the page shows, as data: which companies, in which state, with what was published and what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from control.connections import Connection
from control.runs import RunSummary

COMPANIES_A_PAGE = 20
_LATE_AFTER = timedelta(minutes=2)
_READABLE = ("connecting", "connected")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the companies somebody looks at: `find` is a part of an id or account name, pages count from 1."""

    find: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Company:
    """One company. Counts are by entity name; `stored` is None where schema protiv cannot be read."""

    connection: Connection
    leased: bool
    runs: tuple[RunSummary, ...]
    published: Mapping[str, int]
    stored: Mapping[str, int] | None

    @property
    def running(self) -> RunSummary | None:
        """The run that goes on now: a poller holds the connection and the newest run has no end."""
        newest = self.runs[0] if self.runs else None
        return newest if self.leased and newest is not None and newest.state == "running" else None

    @property
    def state(self) -> str:
        """The connection's state, or `syncing`. Signing in for the first time is still `connecting`."""
        return "syncing" if self.connection.state == "connected" and self.running else self.connection.state

    @property
    def next_due_at(self) -> datetime | None:
        """When the next sync begins by itself; None while none will."""
        return self.connection.next_due_at if self.connection.state in _READABLE else None

    def is_late(self, now: datetime) -> bool:
        """The next sync should have begun and no poller has taken it."""
        due = self.next_due_at
        return due is not None and not self.leased and now - due > _LATE_AFTER


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the companies found. `total` counts all there are, `attention` those that need somebody."""

    wanted: Wanted
    connections: tuple[Connection, ...]
    found: int
    total: int
    attention: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // COMPANIES_A_PAGE))


@dataclass(frozen=True, slots=True)
class Overview:
    """The page's content, true as of `read_at`."""

    read_at: datetime
    listing: Listing
    companies: tuple[Company, ...]


class OverviewSource(Protocol):
    """Where the content comes from. Both calls block, and raise IntegrationError with a sentence for people."""

    def read(self, wanted: Wanted) -> Overview:
        """The overview as it is now."""

    def ping(self) -> None:
        """Return if it answers."""


def listing(connections: Sequence[Connection], wanted: Wanted) -> Listing:
    """The page that is wanted, or the last one there is; those that need attention come first, then by company id."""
    found = sorted(_matching(connections, wanted.find), key=_rank)
    pages = max(1, -(-len(found) // COMPANIES_A_PAGE))
    page = min(max(wanted.page, 1), pages)
    begin = (page - 1) * COMPANIES_A_PAGE
    return Listing(
        wanted=Wanted(wanted.find, page),
        connections=tuple(found[begin : begin + COMPANIES_A_PAGE]),
        found=len(found),
        total=len(connections),
        attention=sum(connection.state == "needs-attention" for connection in connections),
    )


def _matching(connections: Iterable[Connection], find: str) -> list[Connection]:
    text = find.casefold()
    return [
        one for one in connections if text in one.company_id.casefold() or text in (one.builder_name or "").casefold()
    ]


def _rank(connection: Connection) -> tuple[bool, bool, str]:
    return (connection.state != "needs-attention", connection.fault is None, connection.company_id)
