"""A child process under a guard: it ends when this process ends, however that happens, with its process group. Its
output goes to a log file whose end is part of every failure's message.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import FatalError
from embedded.data_dir import DataDir
from embedded.guard import KILL_NOW

_GUARD = str(Path(__file__).with_name("guard.py"))
READY_POLL_S = 0.05
_LOG_END_LINES = 20
_LOG_END_BYTES = 65_536
_ONCE_TIMEOUT_S = 120
_OUTPUT_CHARACTERS = 600
_JAVA_FRAME = re.compile(r"\s+(at |\.\.\. \d+ more)")

Probe = Callable[[], bool]


def always_ready() -> bool:
    """The probe of a command that is ready as soon as it runs."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """What to run and how to end it. `user` is (uid, gid) to run as; `pass_fds` stay open in the command.

    `folder` is its working directory, ours if None: some programs read a `.env` there.
    """

    name: str
    argv: Sequence[str]
    log_file: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    ready: Probe = always_ready
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 5.0
    user: tuple[int, int] | None = None
    pass_fds: tuple[int, ...] = ()
    folder: Path | None = None


class ChildProcess:
    """One run of a command. start() once; stop() any number of times."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._guard: subprocess.Popen[bytes] | None = None
        self._owner_fd = -1
        self._report_fd = -1
        self._pid: int | None = None
        self._exit_code: int | None = None

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int | None:
        """The command's own pid (not its guard's), None before start and when it could not be started."""
        return self._pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._exit_code

    @property
    def alive(self) -> bool:
        self._read_reports(timeout_s=0)
        return self._report_fd >= 0

    def fileno(self) -> int:
        """For select(): readable when the command has ended."""
        return self._report_fd

    def start(self) -> None:
        """Returns when the guard runs the command, which need not be ready yet."""
        if self._guard is not None:
            raise FatalError(f"{self.name} was started twice; make a new ChildProcess for each run.")
        owner_end, self._owner_fd = os.pipe()
        self._report_fd, report_end = os.pipe()
        try:
            self._guard = self._spawn_guard(owner_end, report_end)
        finally:
            os.close(owner_end)
            os.close(report_end)
        self._read_reports(timeout_s=10)

    def wait_ready(self, deadline_s: float) -> None:
        """Blocks until the probe answers; FatalError with the log's end when it exits or is late."""
        limit = time.monotonic() + deadline_s
        while not self.is_ready():
            if time.monotonic() >= limit:
                raise self.late(deadline_s)
            self._read_reports(timeout_s=READY_POLL_S)

    def is_ready(self) -> bool:
        """Calls the probe once; FatalError with the log's end when the command has ended."""
        if not self.alive:
            raise self.failure()
        return self.command.ready()

    def late(self, deadline_s: float) -> FatalError:
        """It runs but did not answer in time."""
        return FatalError(f"{self.name} did not answer within {deadline_s:.0f} s.{self._log_end()}")

    def failure(self) -> FatalError:
        """Why it is not running, with the end of its log."""
        return FatalError(f"{self.name} ended by itself ({_in_words(self._exit_code)}).{self._log_end()}")

    def request_stop(self) -> None:
        """Begins a stop without waiting: the guard sends the stop signal and keeps to the grace time."""
        if self._owner_fd >= 0:
            os.close(self._owner_fd)
            self._owner_fd = -1

    def stop(self) -> None:
        """Ends the command and everything it started; returns when nothing is left."""
        self.request_stop()
        limit = time.monotonic() + self.command.grace_s + 5
        while self.alive and time.monotonic() < limit:
            self._read_reports(timeout_s=limit - time.monotonic())
        self._reap_guard()

    def kill(self) -> None:
        """Ends the command at once, as a crash would."""
        if self._owner_fd >= 0:
            with suppress(BrokenPipeError):  # the guard has already gone
                os.write(self._owner_fd, KILL_NOW)
        self.stop()

    def tail_log(self, lines: int = _LOG_END_LINES) -> str:
        """The last lines of this run's output, "" when there are none. Java's stack frames are left out."""
        with suppress(FileNotFoundError), self.command.log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_END_BYTES))
            words = [line for line in log.read().decode(errors="replace").splitlines() if not _JAVA_FRAME.match(line)]
            return "\n".join(words[-lines:])
        return ""

    def _spawn_guard(self, owner_end: int, report_end: int) -> subprocess.Popen[bytes]:
        command = self.command
        uid, gid = command.user or (-1, -1)
        plan = [owner_end, report_end, int(command.stop_signal), command.grace_s, uid, gid]
        command.log_file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            command.log_file.replace(command.log_file.with_suffix(".previous.log"))
        with command.log_file.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", _GUARD, *map(str, plan), *command.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(command.env),
                cwd=command.folder,
                pass_fds=(owner_end, report_end, *command.pass_fds),
                start_new_session=True,
            )

    def _read_reports(self, *, timeout_s: float) -> None:
        """Takes in what the guard has reported; end-of-file means that guard and command are gone."""
        if self._report_fd < 0 or not select.select([self._report_fd], [], [], max(0.0, timeout_s))[0]:
            return
        report = os.read(self._report_fd, 256).decode()
        for line in report.splitlines():
            word, number = line.split()
            if word == "pid":
                self._pid = int(number)
            else:
                self._exit_code = int(number)
        if not report:
            os.close(self._report_fd)
            self._report_fd = -1
            self._reap_guard()

    def _reap_guard(self) -> None:
        """A guard that was killed reports no exit: then the group is ended from here."""
        if self._guard is None:
            return
        if self._exit_code is None:
            self._guard.kill()
            if self._pid is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._pid, signal.SIGKILL)
        self._guard.wait()
        self.request_stop()

    def _log_end(self) -> str:
        end, path = self.tail_log(), self.command.log_file
        return f" The end of {path}:\n{end}" if end else f" It wrote nothing to {path}."


def run_once(
    argv: Sequence[str | Path],
    data: DataDir,
    *,
    purpose: str,
    user: tuple[int, int] | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a preparing command to its end. FatalError, with the end of its output, when it fails.

    The command inherits the data folder's lock: a later start waits for it even if we are killed meanwhile.
    """
    uid, gid = user or (None, None)
    try:
        subprocess.run(
            argv,
            user=uid,
            group=gid,
            extra_groups=None if user is None else [],
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(data.lock_fd,),
            timeout=_ONCE_TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise FatalError(
            f"{purpose} did not end within {_ONCE_TIMEOUT_S} s: start again on a less busy machine."
        ) from error
    except subprocess.CalledProcessError as error:
        output = error.output.decode(errors="replace").strip()[-_OUTPUT_CHARACTERS:]
        raise FatalError(f"{purpose} failed (exit code {error.returncode}). Its output:\n{output}") from error


def _in_words(exit_code: int | None) -> str:
    if exit_code is None:
        return "its guard was killed"
    return f"signal {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
