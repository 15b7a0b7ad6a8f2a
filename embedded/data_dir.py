"""The folder that holds a stack's data between runs, and the lock that lets one stack at a time use it. The children
inherit the lock, so it is free only when the last process that could still write there has ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from pathlib import Path

import psutil

from core.errors import ConfigurationError, FatalError

_LEFTOVERS_END_WITHIN_S = 30.0
_POLL_S = 0.1
_SAME_START_S = 2.0


class DataDir:
    """Open for one stack: paths below the folder, and the lock's file descriptor to hand to children."""

    def __init__(self, root: Path, lock_fd: int) -> None:
        self.root = root
        self.lock_fd = lock_fd

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @classmethod
    def open(cls, root: Path) -> DataDir:
        """Makes the folder and takes its lock; waits while processes that a killed owner left are still ending."""
        root = root.resolve()
        try:
            root.mkdir(parents=True, exist_ok=True)
            lock_fd = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(f"Cannot write to {root} ({error.strerror}): choose another --data.") from error
        try:
            _take(lock_fd, root)
            _close_to_others(root)
        except BaseException:
            os.close(lock_fd)
            raise
        return cls(root, lock_fd)

    def close(self) -> None:
        """Releases the lock. Can be called again."""
        if self.lock_fd >= 0:
            os.close(self.lock_fd)
            self.lock_fd = -1


def _close_to_others(root: Path) -> None:
    """The folder holds rows of companies, and keys; whatever the umask is, or was when the folder was made."""
    if root.stat().st_mode & stat.S_ISVTX:
        raise ConfigurationError(f"{root} is a folder for everybody: choose another --data, which will be yours alone.")
    try:
        root.chmod(stat.S_IRWXU)
    except PermissionError as error:
        raise ConfigurationError(f"{root} belongs to another user: choose another --data.") from error


def _take(lock_fd: int, root: Path) -> None:
    limit = time.monotonic() + _LEFTOVERS_END_WITHIN_S
    while True:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            _explain_holder(lock_fd, root, error)
        else:
            os.ftruncate(lock_fd, 0)
            os.pwrite(lock_fd, json.dumps([os.getpid(), _started_at(os.getpid())]).encode(), 0)
            return
        if time.monotonic() >= limit:
            raise FatalError(
                f"Processes of an earlier run still use {root}: find them with `lsof {root}/lock` and end them."
            )
        time.sleep(_POLL_S)


def _explain_holder(lock_fd: int, root: Path, error: OSError) -> None:
    """Raises when the owner still lives; returns when only its children are left, which are ending."""
    try:
        pid, started_at = json.loads(os.pread(lock_fd, 64, 0))
    except ValueError:  # taken a moment ago, and its owner is not written there yet
        return
    if abs(_started_at(pid) - started_at) < _SAME_START_S:
        raise ConfigurationError(f"{root} is in use by process {pid}: stop it, or use another --data.") from error


def _started_at(pid: int) -> float:
    """When the process began, 0 when it is gone: a later process with the same id is not taken for the owner."""
    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return 0.0
