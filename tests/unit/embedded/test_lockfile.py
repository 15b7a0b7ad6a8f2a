"""The lock file: what is committed is complete, and no other content passes for a locked file."""

from __future__ import annotations

import dataclasses
import hashlib
import string
from pathlib import Path
from typing import Any

import pytest

from embedded.lockfile import LOCK_FILE, LockedFile, read_lock, total_size, write_lock

CONTENT = b"a jar"


def locked(content: bytes = CONTENT, **changes: Any) -> LockedFile:
    file = LockedFile(
        component="kafka",
        group="org.example.parts",
        artifact="part",
        version="1.0",
        classifier="",
        packaging="jar",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return dataclasses.replace(file, **changes)


def test_matches_the_locked_content_is_true(tmp_path: Path) -> None:
    (tmp_path / "part.jar").write_bytes(CONTENT)
    assert locked().matches(tmp_path / "part.jar")


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"\0", b"b jar"])
def test_matches_any_other_content_is_false(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "part.jar").write_bytes(content)
    assert not locked().matches(tmp_path / "part.jar")


def test_relative_path_with_classifier_is_mavens(tmp_path: Path) -> None:
    file = locked(classifier="all", packaging="zip")
    assert file.relative_path == Path("org/example/parts/part/1.0/part-1.0-all.zip")


def test_write_lock_read_back_gives_the_same_files_in_order(tmp_path: Path) -> None:
    second, first = locked(artifact="b"), locked(artifact="a")
    write_lock([second, first], tmp_path / "lock.json")
    assert read_lock(tmp_path / "lock.json") == [first, second]


def test_committed_lock_names_the_versions_and_is_complete() -> None:
    files = read_lock()
    names = {file.file_name for file in files}
    assert {"kafka_2.13-4.1.1.jar", "kafka-clients-4.1.1.jar", "slf4j-simple-1.7.36.jar"} <= names
    assert [file.file_name for file in files if file.component == "registry"] == [
        "apicurio-registry-app-2.6.13.Final-all.zip"
    ]
    assert len(names) == len(files)
    assert all(len(file.sha256) == 64 and set(file.sha256) <= set(string.hexdigits) for file in files)
    assert 150_000_000 < total_size(files) < 250_000_000


def test_committed_lock_holds_no_address() -> None:
    assert "://" not in LOCK_FILE.read_text()
