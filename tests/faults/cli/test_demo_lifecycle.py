"""The demo ends cleanly, leaves no child behind however it ends, and goes on with its data the next time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.fix_demo import clean_environment, demo_command, end, eventually, next_line, start_demo, temporary_folder

GONE_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


def leftovers(folder: Path) -> list[str]:
    """Processes that name this test's folder in their command line or stand in it."""
    commands = [
        " ".join(process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline"])
        if process.pid != os.getpid()
    ]
    return [command for command in commands if str(folder) in command]


def test_demo_killed_leaves_no_child_and_the_next_one_publishes_what_is_left(folder: Path) -> None:
    killed = start_demo(folder)
    next_line(killed, folder)
    family = psutil.Process(killed.pid).children(recursive=True)
    assert len(family) > 8

    killed.kill()
    killed.wait()
    assert killed.stdout is not None
    killed.stdout.close()

    _gone, alive = psutil.wait_procs(family, timeout=GONE_WITHIN_S)
    assert not alive
    assert not leftovers(folder)

    done = _once(folder)
    assert done["source"] == done["database"]


def test_demo_repeated_publishes_nothing_refuses_a_second_one_and_ends_cleanly(folder: Path) -> None:
    process = start_demo(folder)
    next_line(process, folder)
    result = next_line(process, folder)
    assert result["source"] == result["database"]
    assert result["published"] == 0
    assert (folder / ".data" / "running.env").stat().st_mode & 0o077 == 0

    second = subprocess.run(
        demo_command(), cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode == 2
    assert "is in use by process" in second.stderr
    assert "Traceback" not in second.stderr

    assert end(process, signal.SIGINT) == 0
    assert not (folder / ".data" / "running.env").exists()
    eventually(lambda: not leftovers(folder), what="all children gone", within_s=GONE_WITHIN_S)


def _once(folder: Path) -> dict[str, object]:
    done = subprocess.run(
        demo_command("--once"), cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(result, dict)
    return result
