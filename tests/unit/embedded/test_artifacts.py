"""Stamps: a file once verified is not hashed again, and one that changed is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from embedded.artifacts import VerifiedStamps
from embedded.lockfile import LockedFile

CONTENT = b"content"
FILE = LockedFile("kafka", "g", "a", "1", "", "jar", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def stamped(tmp_path: Path) -> tuple[Path, Path]:
    path, memory = tmp_path / "a.jar", tmp_path / "verified.json"
    path.write_bytes(CONTENT)
    stamps = VerifiedStamps.read(memory)
    stamps.add(FILE, path)
    stamps.save()
    return path, memory


def test_has_after_save_and_read_is_true(tmp_path: Path) -> None:
    path, memory = stamped(tmp_path)
    assert VerifiedStamps.read(memory).has(FILE, path)


def test_has_touched_file_is_false(tmp_path: Path) -> None:
    path, memory = stamped(tmp_path)
    os.utime(path, ns=(1, 1))
    assert not VerifiedStamps.read(memory).has(FILE, path)


def test_has_other_locked_content_is_false(tmp_path: Path) -> None:
    path, memory = stamped(tmp_path)
    newer = LockedFile("kafka", "g", "a", "1", "", "jar", len(CONTENT), "0" * 64)
    assert not VerifiedStamps.read(memory).has(newer, path)


def test_read_broken_memory_forgets_and_goes_on(tmp_path: Path) -> None:
    path, memory = stamped(tmp_path)
    for broken in ('{"cut', "[]"):
        memory.write_text(broken)
        assert not VerifiedStamps.read(memory).has(FILE, path)
