"""From a change visible in a page read to its row committed, through poller, streams and sink, at 500 changes a second.

Many shifts of a sandbox company are edited, then read with one page of 200 every 400 ms. A change's clock starts when
its page was read (`observed_at`) and ends when this process hears that a batch with its version was committed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from benchmarks.figures import arguments, percentile, report
from cli.connect import Entered, store
from cli.demo import settle
from cli.local import LocalStack, SandboxCompany
from cli.ordering import ask_and_follow
from core.errors import FatalError
from core.settings import Settings
from embedded.progress import ConsoleProgress
from sandbox.client import SandboxControl
from schemas.command_sender import CommandOrder

_COMPANY = "bench"
_PAGE = 200
_CHANGES_PER_S = 500
_GAP_MS = round(1000 * _PAGE / _CHANGES_PER_S)
_LISTED = 1000


def main() -> int:
    """Prints the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--shifts", type=int, default=8_000)
    parser.add_argument("--edits", type=int, default=6_000, help="shifts edited before the read")
    options = parser.parse_args()
    company = SandboxCompany(seed=7, jobs=options.jobs, shifts=options.shifts)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder), sandbox=company, gap_ms=_GAP_MS) as stack:
        addresses, settings = stack.start(ConsoleProgress(console))
        sandbox = SandboxControl(addresses.sandbox)
        profile = sandbox.company
        store(settings, Entered(_COMPANY, profile["username"], profile["password"], profile["time_zone"]))
        _sync(settings, console)
        settle(settings, stack)
        for offset in range(0, options.edits, _LISTED):
            for shift in sandbox.listed("shifts", limit=min(_LISTED, options.edits - offset), offset=offset):
                sandbox.edit_shift(shift["id"], notes="edited for the benchmark")
        with _Commits(settings) as commits:
            _sync(settings, console)
            settle(settings, stack)
            figures = commits.figures()
    if figures["changes"] < options.edits:
        raise FatalError(f"{options.edits} shifts were edited, {figures['changes']} rows changed.")
    report(figures, as_json=options.json)
    return 0


def _sync(settings: Settings, console: Console) -> None:
    last = ask_and_follow(settings, CommandOrder("full-sync", _COMPANY), console)
    if last["type"] != "completed":
        raise FatalError(f"The sync ended as {last['type']}: {last['message']}")


@dataclass(slots=True)
class _Commits:
    """Hears of every batch from its start on; versions of a company only rise, so a row came with the first that
    reaches its version."""

    settings: Settings
    heard: list[tuple[int, float]] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _began: float = 0.0

    def __enter__(self) -> _Commits:
        self._began = time.time()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise FatalError("Postgres does not let the benchmark listen.")
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end.set()

    def _listen(self) -> None:
        with self._connect() as connection:
            connection.execute("LISTEN protiv_changes")
            self._ready.set()
            while not self._end.is_set():
                with closing(connection.notifies(timeout=0.5)) as notes:
                    for note in notes:
                        batch = json.loads(note.payload)
                        if batch["entity"] == "time-entries":
                            self.heard.append((batch["version"], time.time()))

    def figures(self) -> dict[str, Any]:
        """Milliseconds from the reading of a page to the commit of its rows, over all rows that changed."""
        with self._connect() as connection:
            found = connection.execute(
                "SELECT version, extract(epoch FROM observed_at)::float8 FROM protiv.time_entries "
                "WHERE company_id = %s AND observed_at >= to_timestamp(%s) ORDER BY version",
                [_COMPANY, self._began],
            ).fetchall()
        if not found:
            raise FatalError("No row changed.")
        heard, took_ms = iter(sorted(self.heard)), []
        version, at = next(heard)
        for row_version, observed in found:
            while version < row_version:
                version, at = next(heard)
            took_ms.append((at - observed) * 1000)
        instants = [observed for _, observed in found]
        return {
            "changes": len(found),
            "changes_per_s": round(len(found) / max(0.001, max(instants) - min(instants))),
            "p50_ms": round(percentile(took_ms, 0.5)),
            "p99_ms": round(percentile(took_ms, 0.99)),
            "max_ms": round(max(took_ms)),
        }

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.settings.database_url.get_secret_value(), autocommit=True)


if __name__ == "__main__":
    sys.exit(main())
