"""Files with secrets are their owner's alone, whatever the umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings_files import read_or_make, write_private
from embedded.data_dir import DataDir


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_write_private_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "José")
    write_private(path, "José, again")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8") == "José, again"
    assert list(tmp_path.iterdir()) == [path]


def test_read_or_make_closes_a_file_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("kept")
    path.chmod(0o644)
    assert read_or_make(path, lambda: "made") == "kept"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("umask")
def test_data_dir_is_closed_to_others_also_when_it_was_open(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir(exist_ok=True)
    root.chmod(0o755)
    for _ in range(2):
        data = DataDir.open(root)
        data.close()
        assert root.stat().st_mode & 0o777 == 0o700


def test_data_dir_for_everybody_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    root.mkdir()
    root.chmod(0o1777)
    with pytest.raises(Exception, match="a folder for everybody: choose another --data"):
        DataDir.open(root)
    assert root.stat().st_mode & 0o7777 == 0o1777
