"""The Makefile lists its targets by itself, and what it installs is pinned by hash."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TARGETS = {"help", "install", "demo", "test", "check", "fmt", "unit", "bench", "up", "clean", "lock", "soak"}


def make(*arguments: str) -> str:
    finished = subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_make_without_a_target_lists_them_all() -> None:
    listed = re.findall(r"^  make ([a-z]+) +\S.+$", make(), re.MULTILINE)
    assert set(listed) == TARGETS
    assert make() == make("help")


def test_makefile_targets_are_phony() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(phony.split()) == TARGETS


@pytest.mark.parametrize("target", ["demo", "up", "test", "soak", "unit", "bench"])
def test_make_passes_arguments_on(target: str) -> None:
    assert "--passed on" in make("--dry-run", target, "ARGS=--passed on").splitlines()[-1]


@pytest.mark.parametrize("target", sorted(TARGETS - {"help", "install", "clean"}))
def test_make_target_installs_first(target: str) -> None:
    assert make("--dry-run", target).splitlines()[0] == "sh scripts/install.sh"


def test_install_does_nothing_when_it_was_done(tmp_path: Path) -> None:
    """With a `.venv` whose stamp fits, not even pip is started."""
    copy = _project(tmp_path)
    _run(copy)
    (copy / "pip.log").unlink()
    assert _run(copy).stderr == ""
    assert not (copy / "pip.log").exists()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "pyproject.toml"])
def test_install_runs_again_when_a_file_changed(tmp_path: Path, name: str) -> None:
    copy = _project(tmp_path)
    _run(copy)
    (copy / "pip.log").unlink()
    (copy / name).write_text("changed\n")
    _run(copy)
    assert "--require-hashes -r requirements-dev.txt" in (copy / "pip.log").read_text()


def test_install_that_fails_says_so_and_is_tried_again(tmp_path: Path) -> None:
    copy = _project(tmp_path)
    (copy / "pip-fails").touch()
    failed = _run(copy, expected=1)
    assert "ERROR: no network" in failed.stderr
    assert "could not be installed: check the network" in failed.stderr
    (copy / "pip-fails").unlink()
    _run(copy)
    assert (copy / "pip.log").exists()


def test_install_that_failed_half_way_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    """Also when the files are put back: by then `.venv` may hold something of both."""
    copy = _project(tmp_path)
    _run(copy)
    before = (copy / "requirements.txt").read_text()
    (copy / "requirements.txt").write_text("changed\n")
    (copy / "pip-fails").touch()
    _run(copy, expected=1)
    (copy / "pip-fails").unlink()
    (copy / "pip.log").unlink()
    (copy / "requirements.txt").write_text(before)
    _run(copy)
    assert (copy / "pip.log").exists()


def test_install_without_a_fitting_python_says_which_one_to_install(tmp_path: Path) -> None:
    copy = _project(tmp_path)
    _interpreter(copy / "bin" / "python3", supported="False", venv="")
    failed = _run(copy, expected=1)
    assert failed.stderr.startswith("Python 3.11, 3.12 or 3.13 is needed and was not found")


def test_install_without_the_venv_module_says_what_to_install(tmp_path: Path) -> None:
    copy = _project(tmp_path)
    _interpreter(copy / "bin" / "python3", supported="True", venv="raise ImportError")
    failed = _run(copy, expected=1)
    assert failed.stderr == (
        "python3 is here without its venv module: install it (Debian, Ubuntu: apt install python3-venv).\n"
    )


def test_requirements_are_pinned_with_hashes() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        entries = re.split(r"(?m)^(?=[A-Za-z0-9])", (ROOT / name).read_text())[1:]
        assert entries
        assert [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


# The script on a stand-in for Python that notes what is asked of pip.

FAKE = """\
#!/bin/sh
case "$*" in
  *"sys.exit(not"*) [ {supported} = True ] ;;
  *"import ensurepip"*) [ -z "{venv}" ] ;;
  *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"-m pip"*) [ ! -e pip-fails ] || {{ echo "ERROR: no network"; exit 1; }}; echo "$@" >> pip.log ;;
  *) echo "Python 3.11.9" ;;
esac
"""


def _project(folder: Path) -> Path:
    (folder / "scripts").mkdir()
    (folder / "scripts" / "install.sh").write_text((ROOT / "scripts" / "install.sh").read_text())
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        (folder / name).write_text("one==1\n")
    (folder / "bin").mkdir()
    for name in ("python3.13", "python3.12", "python3.11"):
        _interpreter(folder / "bin" / name, supported="False", venv="")
    _interpreter(folder / "bin" / "python3", supported="True", venv="")
    return folder


def _interpreter(path: Path, *, supported: str, venv: str) -> None:
    path.write_text(FAKE.format(supported=supported, venv=venv))
    path.chmod(0o755)


def _run(folder: Path, *, expected: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin"}
    finished = subprocess.run(
        ["sh", "scripts/install.sh"],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == expected, finished.stderr
    return finished
