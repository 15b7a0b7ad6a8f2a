"""The wheel that the image installs holds every file that the services read at run time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[3]
READ_AT_RUN_TIME = ("*.avsc", "*.sql", "*.json", "*.html", "*.css", "*.js", "*.svg")
NOT_SHIPPED = {".venv", ".data", "benchmarks", "tests", "docs", "deploy", "node_modules"}
# Names that every environment it is installed into has afterwards (docs/adr/0047). `deploy` is one SQL file.
TOP_LEVEL = {"cli", "console", "control", "core", "deploy", "embedded", "producers", "reports", "sandbox", "schemas"}
TOP_LEVEL |= {"sinks", "streams"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    built = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("pattern", READ_AT_RUN_TIME)
def test_wheel_holds_the_files_of_the_packages(shipped: set[str], pattern: str) -> None:
    packages = [path.parent for path in ROOT.glob("[a-z]*/__init__.py") if path.parent.name not in NOT_SHIPPED]
    wanted = {str(path.relative_to(ROOT)) for package in packages for path in package.rglob(pattern) if path.is_file()}
    assert wanted <= shipped


def test_wheel_takes_no_more_names_than_decided(shipped: set[str]) -> None:
    assert {name.partition("/")[0] for name in shipped if ".dist-info/" not in name} == TOP_LEVEL


def test_wheel_holds_no_tests_and_no_secrets(shipped: set[str]) -> None:
    assert [name for name in shipped if name.startswith(("tests/", ".", "docs/")) or name.endswith(".env")] == []


def test_wheel_holds_the_command_and_the_licence(shipped: set[str]) -> None:
    names = {name.partition(".dist-info/")[2] for name in shipped if ".dist-info/" in name}
    assert {"entry_points.txt", "licenses/LICENSE", "licenses/NOTICE"} <= names
