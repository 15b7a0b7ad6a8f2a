"""`source check`: exit codes, both forms of the report, and the file of `--shape`."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from cli.main import main
from core.settings import Settings
from tests.unit.producers.check.fix_recordings import everything, shift, shifts_entry, written


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from the environment or from files of the folder: it needs none."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_source_check_of_a_known_recording_is_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["source", "check", str(written(tmp_path, everything()))]) == 0
    assert "All of it is understood." in capsys.readouterr().out


def test_source_check_of_a_changed_recording_is_1_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, [shifts_entry([shift(regularTime="8:00")])])
    assert main(["source", "check", str(path), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["understood"] is False
    assert shown["endpoints"][0]["refused"] == {"regularTime": 1}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"log": {"entries": []}}', '{"log": {"entries": [5]}}'])
def test_source_check_of_no_recording_is_2(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "capture.har"
    path.write_text(text)
    assert main(["source", "check", str(path)]) == 2
    assert "Error" in capsys.readouterr().err


def test_source_check_writes_the_shape_for_its_owner_alone(tmp_path: Path) -> None:
    shape = tmp_path / "shape.json"
    assert main(["source", "check", str(written(tmp_path, everything())), "--shape", str(shape)]) == 0
    assert json.loads(shape.read_text())["format"] == "protiv-buildertrend-shape/1"
    assert stat.S_IMODE(shape.stat().st_mode) == 0o600


def test_source_check_that_cannot_write_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, everything())
    assert main(["source", "check", str(path), "--shape", str(tmp_path / "none" / "shape.json")]) == 2
    assert "cannot be written" in capsys.readouterr().err
