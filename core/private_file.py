"""Files that only this user may read, whatever the umask: keys, passwords, and settings that hold them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_OWNER_ALONE = 0o600


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable and writable by its owner alone."""
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ALONE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # It may be what an interrupted write left; and an odd umask takes bits from the owner too.
        os.fchmod(file.fileno(), _OWNER_ALONE)
        file.write(text)
    partial.replace(path)


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The text of a private file, made at the first call; one that others could read is closed to them."""
    if not path.exists():
        write_private(path, make())
    path.chmod(_OWNER_ALONE)
    return path.read_text(encoding="utf-8")
