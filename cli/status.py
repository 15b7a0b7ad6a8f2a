"""`status`: how every company is doing, and what has still to pass through streams and sink."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.lag import sink_is_behind, streams_are_behind
from cli.tables import counts
from control.connections import Connection, list_connections
from control.database import Database
from control.runs import RunSummary, latest_runs
from control.source_state import counts_published
from core.errors import ConfigurationError
from core.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class CompanyStatus:
    """One company: its connection, its last run, what was published and what is stored."""

    connection: Connection
    last_run: RunSummary | None
    published: dict[str, int]
    stored: dict[str, int]

    @property
    def state(self) -> str:
        """The one word for it."""
        if self.connection.state == "connected" and self.last_run and self.last_run.state == "running":
            return "syncing"
        return self.connection.state


def status(
    company: Annotated[str, typer.Argument(help="Only this company.", metavar="[COMPANY]")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show every company's state, last and next sync, and whether streams and sink are behind."""
    settings = load_settings()
    found = _companies(settings, company)
    behind = {"streams": streams_are_behind(settings), "sink": sink_is_behind(settings)}
    if as_json:
        print(json.dumps({"companies": [_plain(one) for one in found], "behind": behind}, default=str))
    else:
        _show(found, behind, Console())


def _companies(settings: Settings, company: str) -> list[CompanyStatus]:
    database = Database(settings, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        found = []
        for connection in list_connections(tx):
            if company in ("", connection.company_id):
                runs = latest_runs(tx, connection.company_id, limit=1)
                published = counts_published(tx, connection.company_id)
                stored = counts(settings, connection.company_id)
                found.append(CompanyStatus(connection, runs[0] if runs else None, published, stored))
    if company and not found:
        raise ConfigurationError(
            f"Company {company} is not connected. `protiv-buildertrend status` lists those that are."
        )
    return found


def _plain(one: CompanyStatus) -> dict[str, Any]:
    return {"state": one.state, **asdict(one)}


def _show(found: list[CompanyStatus], behind: dict[str, bool], console: Console) -> None:
    if not found:
        console.print("No company is connected. Connect one: protiv-buildertrend connect COMPANY --time-zone …")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in ("Company", "State", "Last sync", "Next sync", "Time entries", "Message"):
        table.add_column(name, justify="right" if name == "Time entries" else "left", overflow="fold")
    for one in found:
        connection = one.connection
        table.add_row(
            connection.company_id,
            one.state,
            _ago(connection.last_success_at),
            _ahead(connection.next_due_at) if connection.state in ("connecting", "connected") else "never",
            f"{one.stored['time_entries']:,}",
            connection.message or "",
        )
    console.print(table)
    late = [name for name, is_behind in behind.items() if is_behind]
    console.print(f"Still at work: {', '.join(late)}." if late else "All that was published is in Protiv's tables.")


def _ago(at: datetime | None) -> str:
    return "not yet" if at is None else f"{_duration((datetime.now(UTC) - at).total_seconds())} ago"


def _ahead(at: datetime) -> str:
    seconds = (at - datetime.now(UTC)).total_seconds()
    return "now" if seconds <= 0 else f"in {_duration(seconds)}"


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
