"""The settings of a local run, kept in a file of the data folder so that other terminals find it without any export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.private_file import write_private

RUNNING = Path(".data") / "running.env"


def write_running(path: Path, values: Mapping[str, str]) -> None:
    """Write settings that only this user can read: they hold a database password."""
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    write_private(path, "# Settings of the stack that runs now; the file goes when it ends.\n" + text)
