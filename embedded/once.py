"""Runs a preparing command to its end; when it fails, one sentence with the end of what it said."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import FatalError
from embedded.data_dir import DataDir

_TIMEOUT_S = 120
_SAID_CHARACTERS = 600


def run_once(
    argv: Sequence[str | Path],
    data: DataDir,
    *,
    purpose: str,
    user: tuple[int, int] | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """The command inherits the data folder's lock: a later start waits for it even if we are killed meanwhile."""
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
            timeout=_TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise FatalError(f"{purpose} did not end within {_TIMEOUT_S} s: start again on a less busy machine.") from error
    except subprocess.CalledProcessError as error:
        said = error.output.decode(errors="replace").strip()[-_SAID_CHARACTERS:]
        raise FatalError(f"{purpose} failed (exit code {error.returncode}). What it said:\n{said}") from error
