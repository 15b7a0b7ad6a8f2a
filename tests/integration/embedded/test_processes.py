"""ChildProcess and Supervisor with real, small commands."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from core.errors import FatalError
from embedded.process import ChildProcess, Command, Probe, always_ready
from embedded.supervisor import Supervisor

FOREVER = "import signal; print('running', flush=True); signal.pause()"
Spawn = Callable[..., ChildProcess]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    made: list[ChildProcess] = []

    def make(
        name: str = "child", code: str = FOREVER, *, ready: Probe = always_ready, grace_s: float = 5
    ) -> ChildProcess:
        log_file = tmp_path / "logs" / f"{name}.log"
        made.append(ChildProcess(Command(name, [sys.executable, "-c", code], log_file, ready=ready, grace_s=grace_s)))
        return made[-1]

    yield make
    for child in made:
        child.kill()


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.stop()


def test_start_then_stop_leaves_no_process_and_can_be_repeated(spawn: Spawn) -> None:
    child = spawn()
    child.start()
    assert child.alive
    assert child.pid is not None
    assert psutil.pid_exists(child.pid)
    child.stop()
    child.stop()
    assert not child.alive
    assert child.exit_code == -signal.SIGTERM
    assert not psutil.pid_exists(child.pid)


def test_stop_before_start_does_nothing(spawn: Spawn) -> None:
    spawn().stop()


def test_start_twice_is_refused(spawn: Spawn) -> None:
    child = spawn()
    child.start()
    with pytest.raises(FatalError, match="started twice"):
        child.start()


def test_kill_does_not_wait_for_the_grace(spawn: Spawn) -> None:
    child = spawn(code="import signal; signal.signal(15, signal.SIG_IGN); signal.pause()", grace_s=3600)
    child.start()
    child.kill()
    assert child.exit_code == -signal.SIGKILL


def test_wait_ready_returns_when_the_probe_answers(spawn: Spawn, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    child = spawn(code=f"open({str(flag)!r}, 'w'); import signal; signal.pause()", ready=flag.exists)
    child.start()
    child.wait_ready(30)
    assert flag.exists()


def test_wait_ready_child_that_ends_fails_at_once_with_its_log(spawn: Spawn) -> None:
    child = spawn(code="print('no such table'); raise SystemExit(4)", ready=lambda: False)
    child.start()
    with pytest.raises(FatalError, match=r"child ended by itself \(exit code 4\).*\nno such table"):
        child.wait_ready(3600)


def test_wait_ready_too_late_says_how_long_it_waited(spawn: Spawn) -> None:
    child = spawn(ready=lambda: False)
    child.start()
    with pytest.raises(FatalError, match="child did not answer within 0 s"):
        child.wait_ready(0)


def test_tail_log_gives_the_last_lines_of_this_run_only(spawn: Spawn) -> None:
    earlier = spawn(code="print('earlier')", ready=lambda: False)
    earlier.start()
    with pytest.raises(FatalError):
        earlier.wait_ready(3600)
    child = spawn(code="for i in range(100): print(i)\nraise SystemExit(1)", ready=lambda: False)
    child.start()
    with pytest.raises(FatalError):
        child.wait_ready(3600)
    assert child.tail_log(3) == "97\n98\n99"
    assert "earlier" not in child.tail_log()
    assert (child.command.log_file.with_name("child.previous.log")).read_text() == "earlier\n"


def test_alive_guard_killed_ends_the_command_and_what_it_started(spawn: Spawn) -> None:
    child = spawn(code=f"import subprocess; subprocess.Popen(['sleep', '3600'])\n{FOREVER}")
    child.start()
    _until(lambda: "running" in child.tail_log())
    assert child.pid is not None
    command = psutil.Process(child.pid)
    group = [command, *command.children()]
    assert len(group) == 2
    guard = command.parent()
    assert guard is not None
    guard.kill()
    select.select([child], [], [], 30)
    assert not child.alive
    assert "its guard was killed" in str(child.failure())
    assert psutil.wait_procs(group, 10)[1] == []


def test_supervisor_one_child_fails_stops_the_batch_and_all_before(supervisor: Supervisor, spawn: Spawn) -> None:
    first, second = spawn("first"), spawn("second")
    failing = spawn("failing", "raise SystemExit('bad setting')", ready=lambda: False)
    supervisor.start([first], deadline_s=30)
    with pytest.raises(FatalError, match=r"failing ended by itself \(exit code 1\).*\nbad setting"):
        supervisor.start([second, failing], deadline_s=3600)
    assert not any(child.alive for child in (first, second, failing))


def test_supervisor_late_child_is_named(supervisor: Supervisor, spawn: Spawn) -> None:
    with pytest.raises(FatalError, match="slow did not answer"):
        supervisor.start([spawn("quick"), spawn("slow", ready=lambda: False)], deadline_s=0)


def test_supervisor_wait_returns_the_child_that_died(supervisor: Supervisor, spawn: Spawn) -> None:
    one, other = spawn("one"), spawn("other")
    supervisor.start([one, other], deadline_s=30)
    assert supervisor.wait(0) is None
    supervisor.check()
    assert other.pid is not None
    os.kill(other.pid, signal.SIGKILL)
    assert supervisor.wait(30) is other
    with pytest.raises(FatalError, match=r"other ended by itself \(signal SIGKILL\)"):
        supervisor.check()


def test_supervisor_stop_ends_later_batches_first(supervisor: Supervisor, spawn: Spawn, tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    code = (
        "import signal, time, sys\n"
        f"def end(*_): open({str(ends)!r}, 'a').write(sys.argv[-1]); sys.exit()\n"
        "signal.signal(15, end); print('running', flush=True); signal.pause()"
    )
    for name in ("1", "2", "3"):
        child = spawn(name, f"import sys; sys.argv.append({name!r})\n{code}", ready=lambda: True)
        supervisor.start([child], deadline_s=30)
        _until(partial(_is_running, child))
    supervisor.stop()
    assert ends.read_text() == "321"
    assert supervisor.children == []


def _is_running(child: ChildProcess) -> bool:
    return "running" in child.tail_log()


def _until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        select.select([], [], [], 0.01)
