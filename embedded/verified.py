"""Remembers which files were verified, by size and modification time, so that a start does not hash 190 MB again.
A file that changed since has another stamp and is hashed anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from embedded.lockfile import LockedFile

Stamp = list[int | str]


class VerifiedStamps:
    """Path to stamp; save() writes what was added."""

    def __init__(self, path: Path, stamps: dict[str, Stamp]) -> None:
        self._path = path
        self._stamps = stamps
        self._changed = False

    @classmethod
    def read(cls, path: Path) -> VerifiedStamps:
        """An unreadable file only costs hashing again."""
        try:
            stamps = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            stamps = {}
        return cls(path, stamps if isinstance(stamps, dict) else {})

    def has(self, file: LockedFile, path: Path) -> bool:
        return self._stamps.get(str(path)) == _stamp(file, path)

    def add(self, file: LockedFile, path: Path) -> None:
        self._stamps[str(path)] = _stamp(file, path)
        self._changed = True

    def save(self) -> None:
        if self._changed:
            written = self._path.with_suffix(".new")
            written.write_text(json.dumps(self._stamps))
            written.replace(self._path)


def _stamp(file: LockedFile, path: Path) -> Stamp:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, file.sha256]
