"""Many small companies in one poller process: is each read within the interval, and at what cost?

The poller is the real process, its source a sandbox that answers after 100 ms.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from benchmarks.figures import percentile
from cli.connect import Entered, store
from core.errors import FatalError
from core.settings import Settings
from sandbox.client import SandboxControl

_LATENCY_MS = 100
_JOBS = 2
_SHIFTS = 12
_FIRST_READS_S = 900.0
_INTERVALS = 3
_FIRST_READS_DONE = (
    "SELECT count(*) FROM integration.connections WHERE initial_done_at IS NOT NULL AND company_id LIKE 'c%'"
)


def measure(
    settings: Settings, environment: dict[str, str], folder: Path, *, companies: int, interval_s: int
) -> dict[str, Any]:
    """Figures with the prefix `companies`; blocks for the first reads and three intervals."""
    with _sandbox(folder) as (url, sandbox):
        _connect_all(settings, url, companies)
        source = {"BUILDERTREND_APP_URL": url, "BUILDERTREND_LOGIN_URL": url, "POLL_INTERVAL_S": str(interval_s)}
        with _process("poller", [sys.executable, "-m", "cli", "poller"], environment | source, folder) as poller:
            _wait_for_first_reads(settings, companies, poller)
            return _observed(settings, poller, sandbox, companies=companies, interval_s=interval_s)


def make_due(settings: Settings) -> None:
    """Every connection may be leased at once."""
    _execute(settings, "UPDATE integration.connections SET next_due_at = now() - interval '1 second'")


def _observed(
    settings: Settings, poller: psutil.Process, sandbox: psutil.Process, *, companies: int, interval_s: int
) -> dict[str, Any]:
    before, sandbox_before = poller.cpu_times(), sandbox.cpu_times()
    began = time.monotonic()
    _execute(settings, "DELETE FROM integration.runs WHERE state <> 'running'")
    peak = 0
    while time.monotonic() - began < _INTERVALS * interval_s:
        time.sleep(1)
        peak = max(peak, poller.memory_info().rss)
    seconds = time.monotonic() - began
    after = poller.cpu_times()
    gaps = _gaps(settings)
    polls = _execute(settings, "SELECT count(*) FROM integration.runs WHERE state = 'completed'")[0][0]
    unserved = companies - len({company for company, _ in gaps})
    cpu_s = after.user + after.system - before.user - before.system
    sandbox_s = sum(sandbox.cpu_times()[:2]) - sum(sandbox_before[:2])
    waits = [gap for _, gap in gaps]
    return {
        "companies": companies,
        "companies_interval_s": interval_s,
        "companies_not_polled_twice": unserved,
        "companies_gap_p50_s": round(percentile(waits, 0.5), 1),
        "companies_gap_max_s": round(max(waits), 1),
        "companies_polls": polls,
        "companies_poller_cpu_share": round(cpu_s / seconds, 3),
        "companies_cpu_ms_per_poll": round(1000 * cpu_s / polls, 1),
        "companies_poller_rss_mb": round(peak / 1e6, 1),
        "companies_sandbox_cpu_share": round(sandbox_s / seconds, 3),
    }


def _gaps(settings: Settings) -> list[tuple[str, float]]:
    """(company, seconds) between the starts of each two consecutive polls of a company."""
    rows = _execute(
        settings,
        "SELECT company_id, extract(epoch FROM started_at - lag(started_at) OVER (PARTITION BY company_id "
        "ORDER BY run_seq))::float8 FROM integration.runs",
    )
    return [(company, gap) for company, gap in rows if gap is not None]


def _wait_for_first_reads(settings: Settings, companies: int, poller: psutil.Process) -> None:
    limit = time.monotonic() + _FIRST_READS_S
    while time.monotonic() < limit and poller.is_running():
        if _execute(settings, _FIRST_READS_DONE)[0][0] == companies:
            return
        time.sleep(1)
    raise FatalError("The first reads did not end in time.")


def _connect_all(settings: Settings, url: str, companies: int) -> None:
    with httpx.Client(timeout=60) as client:
        for number in range(companies):
            control = SandboxControl(url, sender=client).create_company(
                seed=number, jobs=_JOBS, shifts=_SHIFTS, username=f"user{number}@bench.test"
            )
            control.set_switches(latency_ms=_LATENCY_MS)
            profile = control.company
            store(
                settings,
                Entered(f"c{number:04}", profile["username"], profile["password"], profile["time_zone"]),
            )


@contextmanager
def _sandbox(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    options = {"seed": 1, "jobs": 1, "shifts": 0, "state": folder / "sandbox"}
    command = [sys.executable, "-m", "sandbox", *(f"--{name}={value}" for name, value in options.items())]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["url"], psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def _process(name: str, command: list[str], environment: dict[str, str], folder: Path) -> Iterator[psutil.Process]:
    with (
        (folder / f"{name}.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def _execute(settings: Settings, query: str) -> list[Any]:
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []
