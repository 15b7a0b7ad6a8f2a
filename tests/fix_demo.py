"""The demo as a user runs it: `protiv-buildertrend demo` as a process of its own, staying up, with its addresses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from sandbox.client import SandboxControl

SIZE = {"jobs": 14, "shifts": 400, "seed": 11}
COMPANY = "demo-s11-j14-t400"
START_S = 120.0
ARRIVES_S = 60.0


def command(*arguments: str) -> list[str]:
    """A command line of the product, as the console script runs it."""
    return [sys.executable, "-m", "cli", *arguments]


def demo_command(*arguments: str) -> list[str]:
    """The demo of the tests' company."""
    return command("demo", "--json", *(f"--{name}={value}" for name, value in SIZE.items()), *arguments)


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of ours, so that only the running stack's file speaks."""
    from core.settings import Settings

    names = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in names}


@dataclass
class Demo:
    """A demo that is up. `folder` is where a user would stand: the product finds the running stack from there."""

    folder: Path
    process: subprocess.Popen[str]
    addresses: dict[str, Any]
    result: dict[str, Any]
    http: httpx.Client
    sandbox: SandboxControl = field(init=False)

    def __post_init__(self) -> None:
        control = SandboxControl(self.addresses["sandbox"], sender=self.http)
        self.sandbox = control.create_company(**SIZE)

    def cli(self, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the product beside the demo."""
        return subprocess.run(
            command(*arguments),
            cwd=self.folder,
            env=clean_environment() | settings,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.addresses["database"]) as connection:
            return connection.execute(query.encode(), list(values)).fetchall()

    def entry(self, shift_id: int) -> dict[str, Any] | None:
        """The row of a shift, or None while there is none."""
        with psycopg.connect(self.addresses["database"], row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(
                "SELECT * FROM protiv.time_entries WHERE company_id = %s AND time_entry_id = %s",
                [COMPANY, str(shift_id)],
            ).fetchone()


def eventually(holds: Callable[[], bool], *, what: str, within_s: float = ARRIVES_S) -> None:
    """Ask again until it holds; fails with `what` when the time is over."""
    limit = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > limit:
            pytest.fail(f"Not within {within_s:.0f} s: {what}")
        time.sleep(0.1)


def start_demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The demo as a process in `folder`; its log is `<folder>/demo.err`."""
    with (folder / "demo.err").open("a") as errors:
        return subprocess.Popen(
            demo_command(*arguments),
            cwd=folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def next_line(process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    """The next JSON line of a demo; fails with its log if it ended instead."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(f"The demo ended with {process.wait()}: {(folder / 'demo.err').read_text()[-3000:]}")
    parsed = json.loads(line)
    assert isinstance(parsed, dict)
    return parsed


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> int:
    """Ask a process to end; its exit code."""
    process.send_signal(number)
    code = process.wait(timeout=60)
    if process.stdout:
        process.stdout.close()
    return code


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that Postgres' own user may enter, which pytest's own are not when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="protiv-demo-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """One demo for all tests that look at it or change something in its sandbox."""
    with temporary_folder() as folder:
        process = start_demo(folder)
        try:
            with httpx.Client(timeout=30) as http:
                yield Demo(folder, process, next_line(process, folder), next_line(process, folder), http)
        finally:
            if process.poll() is None:
                end(process)
