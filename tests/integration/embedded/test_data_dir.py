"""One stack at a time in a data folder, and the wait for what a killed one left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import ConfigurationError, FatalError
from embedded import data_dir
from embedded.data_dir import DataDir

HOLDER = "import sys; from pathlib import Path; from embedded.data_dir import DataDir; DataDir.open(Path(sys.argv[1]))"


def test_open_folder_of_a_living_process_names_it(tmp_path: Path) -> None:
    held = DataDir.open(tmp_path)
    with pytest.raises(
        ConfigurationError, match=rf"{re.escape(str(tmp_path))} is in use by process {os.getpid()}: stop"
    ):
        DataDir.open(tmp_path)
    held.close()
    held.close()
    DataDir.open(tmp_path).close()


def test_open_after_the_owner_was_killed_waits_for_its_children(tmp_path: Path) -> None:
    child_holds_the_lock = (
        f"{HOLDER}; import os, subprocess as s\n"
        "fds = [fd for fd in map(int, os.listdir('/dev/fd')) if os.path.exists(f'/dev/fd/{fd}')\n"
        "       and os.readlink(f'/dev/fd/{fd}').endswith('/lock')]\n"
        "child = s.Popen(['cat'], pass_fds=fds); print('ready', flush=True); os.kill(os.getpid(), 9)"
    )
    child_holds_the_lock = child_holds_the_lock.replace("DataDir.open(", "data = DataDir.open(", 1)
    owner = subprocess.Popen(
        [sys.executable, "-c", child_holds_the_lock, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"ready\n"
    owner.wait()
    opened: list[DataDir] = []
    waiting = threading.Thread(target=lambda: opened.append(DataDir.open(tmp_path)))
    waiting.start()
    waiting.join(0.5)
    assert opened == []
    owner.stdin.close()  # the child, `cat`, ends
    waiting.join(30)
    assert len(opened) == 1
    opened[0].close()
    owner.stdout.close()


def test_open_leftovers_that_stay_says_how_to_find_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = DataDir.open(tmp_path)
    (tmp_path / "lock").write_text("[1, 5.0]")  # signed by a process that has gone
    monkeypatch.setattr(data_dir, "_LEFTOVERS_END_WITHIN_S", 0)
    with pytest.raises(FatalError, match="lsof"):
        DataDir.open(tmp_path)
    held.close()


def test_open_where_no_folder_can_be_says_to_choose_another(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="choose another --data"):
        DataDir.open(tmp_path / "file" / "data")
