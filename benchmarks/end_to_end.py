"""End to end through every process: sandbox → poller → Kafka → streams → Kafka → sink → Postgres.

Three figures: the first sync of a company (records a second from the command until the last row is stored), many
changes at once, and one change at a time (milliseconds from the sync command until the row is committed).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from benchmarks.figures import arguments, percentile, report, tree_rss_mb
from cli.connect import Entered, store
from cli.demo import settle
from cli.local import LocalStack, SandboxCompany
from cli.ordering import ask_and_follow
from cli.run_display import changes_in
from core.errors import FatalError
from core.settings import Settings
from embedded.progress import ConsoleProgress
from sandbox.client import SandboxControl
from schemas.command_sender import CommandOrder

_COMPANY = "bench"
_LATEST_S = 60.0


def main() -> int:
    """Prints the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--shifts", type=int, default=20_000)
    parser.add_argument("--edits", type=int, default=1_000, help="changes made at once")
    parser.add_argument("--rounds", type=int, default=30, help="changes made one at a time")
    options = parser.parse_args()
    company = SandboxCompany(seed=7, jobs=options.jobs, shifts=options.shifts)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder), sandbox=company, gap_ms=0) as stack:
        addresses, settings = stack.start(ConsoleProgress(console))
        measured = _Measured(settings, SandboxControl(addresses.sandbox), stack, console)
        figures: dict[str, Any] = {"shifts": options.shifts}
        figures |= measured.first_sync()
        figures |= measured.many_changes(options.edits)
        figures |= measured.single_changes(options.rounds)
        figures["all_processes_rss_mb"] = tree_rss_mb()
    report(figures, as_json=options.json)
    return 0


class _Measured:
    def __init__(self, settings: Settings, sandbox: SandboxControl, stack: LocalStack, console: Console) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._stack = stack
        self._console = console

    def first_sync(self) -> dict[str, float]:
        """Records a second of the initial read, published, linked and stored."""
        profile = self._sandbox.company
        store(self._settings, Entered(_COMPANY, profile["username"], profile["password"], profile["time_zone"]))
        published, seconds = self._timed_sync("full-sync")
        return {
            "first_sync_records": published,
            "first_sync_seconds": round(seconds, 2),
            "first_sync_records_per_s": round(published / seconds),
        }

    def many_changes(self, edits: int) -> dict[str, float]:
        """Changes a second when many shifts, some older than the recent window, were edited before one full sync."""
        shifts = self._shifts(edits)
        for number, shift in enumerate(shifts):
            self._sandbox.edit_shift(shift["id"], notes=f"edited {number}")
        published, seconds = self._timed_sync("full-sync")
        if published != len(shifts):
            raise FatalError(f"{len(shifts)} shifts were edited, {published} changes published.")
        return {"changes_at_once": published, "changes_per_s": round(published / seconds)}

    def single_changes(self, rounds: int) -> dict[str, float]:
        """Milliseconds from sending a sync command until the edited shift's row is committed."""
        shift = self._shifts(1)[0]
        took_ms = [self._one_change(shift["id"], f"round {number}") * 1000 for number in range(rounds)]
        return {"p50_ms": round(percentile(took_ms, 0.5)), "p99_ms": round(percentile(took_ms, 0.99))}

    def _one_change(self, shift_id: int, notes: str) -> float:
        self._sandbox.edit_shift(shift_id, notes=notes)
        with psycopg.connect(self._settings.database_url.get_secret_value(), autocommit=True) as connection:
            connection.execute("LISTEN protiv_changes")
            began = time.monotonic()
            ask_and_follow(self._settings, CommandOrder("sync", _COMPANY), Console(quiet=True))
            return _when(lambda: self._notes(connection, shift_id) == notes, connection) - began

    def _notes(self, connection: psycopg.Connection[Any], shift_id: int) -> str | None:
        found = connection.execute(
            "SELECT notes FROM protiv.time_entries WHERE company_id = %s AND time_entry_id = %s",
            [_COMPANY, str(shift_id)],
        ).fetchone()
        return None if found is None else found[0]

    def _timed_sync(self, kind: str) -> tuple[int, float]:
        began = time.monotonic()
        last = ask_and_follow(self._settings, CommandOrder(kind, _COMPANY), self._console)
        if last["type"] != "completed":
            raise FatalError(f"The sync ended as {last['type']}: {last['message']}")
        settle(self._settings, self._stack)
        published = changes_in(last["counts"])
        return published, time.monotonic() - began

    def _shifts(self, count: int) -> list[dict[str, Any]]:
        """The newest `count` shifts."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            page = self._sandbox.listed("shifts", limit=min(1000, count - len(found)), offset=len(found))
            if not page:
                raise FatalError(f"The sandbox has only {len(found)} shifts.")
            found += page
        return found


def _when(holds: Callable[[], bool], connection: psycopg.Connection[Any]) -> float:
    """The monotonic time at which the condition first held, checked again at every notification."""
    limit = time.monotonic() + _LATEST_S
    while time.monotonic() < limit:
        if holds():
            return time.monotonic()
        for _notification in connection.notifies(timeout=0.5, stop_after=1):
            break
    raise FatalError(f"The change did not arrive within {_LATEST_S:.0f} s.")


if __name__ == "__main__":
    sys.exit(main())
