"""The settings of a local run, kept in a file of the data folder so that other terminals find it without any export."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

RUNNING = Path(".data") / "running.env"


def write_running(path: Path, values: Mapping[str, str]) -> None:
    """Write settings that only this user can read: they hold a database password and a private key."""
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("# Settings of the stack that runs now; the file goes when it ends.\n" + text)
    partial.replace(path)
