"""Runs one command and ends it when its owner is gone: on end-of-file of the owner's pipe (also after the owner was
killed) the command's process group gets its stop signal and, after a grace time, SIGKILL.
Standard library only and imported by nobody at run time: it runs as a script with `-I -S`, small and quick to start.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable

KILL_NOW = b"K"
_PR_SET_PDEATHSIG = 1
_EXEC_FAILED = 127
_ENDING_SIGNALS = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # and exec would hand that on to the command


def main(arguments: list[str]) -> None:
    """Arguments: owner pipe, report pipe, stop signal, grace in s, uid and gid (-1 keeps both), then the command."""
    owner, report, stop_signal, uid, gid = (int(arguments[index]) for index in (0, 1, 2, 4, 5))
    grace_s, command = float(arguments[3]), arguments[6:]
    handed_on = False
    for fd in (owner, report):
        os.set_inheritable(fd, handed_on)
    signals = _signal_pipe()
    guard = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)  # or the fork would swallow a stop that comes before exec
    child = os.fork()
    if child == 0:
        _become(command, guard, uid, gid)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)
    with contextlib.suppress(OSError):  # the child does the same; whichever comes first
        os.setpgid(child, child)
    _report(report, f"pid {child}\n")
    code = _wait(child, owner, signals, stop_signal, grace_s)
    _signal_group(child, signal.SIGKILL)
    _report(report, f"exit {code}\n")


def _signal_pipe() -> int:
    """A pipe that gets one byte for each signal, so that a Ctrl-C or a `kill` does not end the guard itself."""
    readable, writable = os.pipe()
    for fd in (readable, writable):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *_ENDING_SIGNALS):
        signal.signal(number, _noted)
    return readable


def _noted(_number: int, _frame: object) -> None:
    """The byte in the signal pipe is what counts."""


def _become(command: list[str], guard: int, uid: int, gid: int) -> None:
    """Turns the forked process into the command; never returns."""
    try:
        os.setpgid(0, 0)
        for number in (*_ENDING_SIGNALS, *_IGNORED_BY_PYTHON):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)
        die_with = _dying_with_parent()  # made before setuid: the other user may not be able to read Python's library
        if uid >= 0:
            os.setgroups([gid])
            os.setgid(gid)
            os.setuid(uid)
        die_with()  # called after setuid, which clears the request
        if os.getppid() != guard:
            os._exit(_EXEC_FAILED)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error}\n".encode())
    finally:  # whatever happened, the fork must not continue as a second guard
        os._exit(_EXEC_FAILED)


def _dying_with_parent() -> Callable[[], object]:
    """Linux: has the kernel kill this process when its parent, the guard, is killed. Elsewhere the owner does it."""
    if sys.platform != "linux":
        return lambda: None
    import ctypes  # here, in the fork, so that the guard itself stays small

    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _wait(child: int, owner: int, signals: int, stop_signal: int, grace_s: float) -> int:
    """Waits for the command's end, and ends it when the owner is gone or asks for it; returns its exit code."""
    watched = [owner, signals]
    kill_at: float | None = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        readable = select.select(watched, [], [], timeout)[0]
        words = os.read(owner, 1) if owner in readable else None
        numbers = os.read(signals, 64) if signals in readable else b""
        if words == b"":
            watched.remove(owner)
        if words == KILL_NOW or (kill_at is not None and time.monotonic() >= kill_at):
            _signal_group(child, signal.SIGKILL)
            kill_at = None
        elif kill_at is None and (words == b"" or _ENDING_SIGNALS.intersection(numbers)):
            _signal_group(child, stop_signal)
            kill_at = time.monotonic() + grace_s


def _signal_group(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # PermissionError: only zombies are left (macOS)
        os.killpg(child, number)


def _report(fd: int, line: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads any more
        os.write(fd, line.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
