"""The guard's protocol, spoken to the script itself through its two pipes."""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import embedded.guard

pytestmark = pytest.mark.timeout(30)

FOREVER = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"


class Guarded:
    """A guard with its command, and the owner's ends of its pipes."""

    def __init__(self, command: list[str], *, grace_s: float) -> None:
        owner_end, self.owner = os.pipe()
        report, report_end = os.pipe()
        plan = [owner_end, report_end, int(signal.SIGTERM), grace_s, -1, -1]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", embedded.guard.__file__, *map(str, plan), *command],
            pass_fds=(owner_end, report_end),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        os.close(owner_end)
        os.close(report_end)
        self.reports = os.fdopen(report)
        self.pid = int(self.reports.readline().removeprefix("pid "))

    def wait_until_up(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"up\n"

    def last_report(self) -> str:
        return self.reports.read().strip()

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # whatever a failed test left running
            os.killpg(self.pid, signal.SIGKILL)
        self.process.kill()
        self.process.communicate()
        self.reports.close()


Guard = Callable[..., Guarded]


@pytest.fixture
def guard() -> Iterator[Guard]:
    made: list[Guarded] = []

    def make(code: str | list[str], *, grace_s: float = 60) -> Guarded:
        command = [sys.executable, "-c", code] if isinstance(code, str) else code
        made.append(Guarded(command, grace_s=grace_s))
        return made[-1]

    yield make
    for guarded in made:
        guarded.close()


def test_guard_owner_gone_sends_the_stop_signal(guard: Guard) -> None:
    guarded = guard(FOREVER)
    guarded.wait_until_up()
    os.close(guarded.owner)
    assert guarded.last_report() == f"exit {-signal.SIGTERM}"
    assert not psutil.pid_exists(guarded.pid)


def test_guard_command_that_ignores_the_stop_is_killed_after_the_grace(guard: Guard) -> None:
    guarded = guard(STUBBORN, grace_s=0.05)
    guarded.wait_until_up()
    os.close(guarded.owner)
    assert guarded.last_report() == f"exit {-signal.SIGKILL}"


def test_guard_kill_now_does_not_wait_for_the_grace(guard: Guard) -> None:
    guarded = guard(STUBBORN, grace_s=3600)
    guarded.wait_until_up()
    os.write(guarded.owner, embedded.guard.KILL_NOW)
    assert guarded.last_report() == f"exit {-signal.SIGKILL}"


def test_guard_kill_now_after_the_stop_was_asked_for_is_still_heard(guard: Guard) -> None:
    guarded = guard(STUBBORN, grace_s=3600)
    guarded.wait_until_up()
    guarded.process.send_signal(signal.SIGTERM)
    os.write(guarded.owner, embedded.guard.KILL_NOW)
    assert guarded.last_report() == f"exit {-signal.SIGKILL}"


def test_guard_stop_between_fork_and_exec_is_not_lost(guard: Guard) -> None:
    for _ in range(20):  # the moment is hit in most rounds
        guarded = guard(["sleep", "3600"], grace_s=3600)
        os.close(guarded.owner)
        assert guarded.last_report() == f"exit {-signal.SIGTERM}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_guard_told_to_end_takes_the_command_along(guard: Guard, number: signal.Signals) -> None:
    guarded = guard(FOREVER)
    guarded.wait_until_up()
    guarded.process.send_signal(number)
    assert guarded.last_report() == f"exit {-signal.SIGTERM}"


def test_guard_command_that_ends_reports_its_exit_code(guard: Guard) -> None:
    guarded = guard("raise SystemExit(3)")
    assert guarded.last_report() == "exit 3"
    assert guarded.process.wait() == 0


def test_guard_command_that_ends_leaves_nothing_of_its_group(guard: Guard) -> None:
    sleeper = "import subprocess; print(subprocess.Popen(['sleep', '3600']).pid, flush=True)"
    guarded = guard(f"{sleeper}; import os; os._exit(0)")
    assert guarded.process.stdout is not None
    left_behind = int(guarded.process.stdout.readline())
    assert guarded.last_report() == "exit 0"
    assert _ends(left_behind)


def test_guard_command_not_found_says_so_and_reports_127(guard: Guard, tmp_path: Path) -> None:
    guarded = guard([str(tmp_path / "nothing")])
    assert guarded.last_report() == "exit 127"
    assert b"nothing: [Errno 2]" in guarded.process.communicate()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the owner ends the group, see ChildProcess")
def test_guard_killed_takes_the_command_along(guard: Guard) -> None:
    guarded = guard(STUBBORN)
    guarded.wait_until_up()
    guarded.process.kill()
    assert _ends(guarded.pid)


def test_guard_command_does_not_inherit_the_pipes(guard: Guard) -> None:
    guarded = guard("import os; print(sorted(map(int, os.listdir('/dev/fd'))), flush=True)")
    assert guarded.process.stdout is not None
    inherited = [fd for fd in ast.literal_eval(guarded.process.stdout.readline().decode()) if fd > 2]
    assert len(inherited) <= 1  # the one that lists the folder


def _ends(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(10)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True
