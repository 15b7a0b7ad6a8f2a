"""The import contract of pyproject.toml holds, covers every package, and is one that can be broken."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(folder)},
    )


def test_import_contract_holds() -> None:
    found = lint_imports(ROOT)
    assert found.returncode == 0, found.stdout + found.stderr


def test_import_contract_covers_every_package() -> None:
    packages = {path.parent.name for path in ROOT.glob("[a-z]*/__init__.py")} - {"tests"}
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == packages
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == packages - {"benchmarks"}


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("core", "schemas"),
        ("schemas", "control"),
        ("control", "reports"),
        ("reports", "producers.buildertrend"),
        ("sinks", "producers"),
        ("streams", "control"),
        ("producers", "reports"),
        ("console", "producers"),
        ("embedded", "schemas"),
        ("sandbox", "core"),
        ("cli", "benchmarks"),
        ("cli.commands", "sandbox"),
    ],
)
def test_import_contract_is_broken_by_an_import_that_it_forbids(tmp_path: Path, importer: str, imported: str) -> None:
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for module in _modules_of_the_contract():
        folder = tmp_path.joinpath(*module.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    (tmp_path.joinpath(*importer.split(".")) / "__init__.py").write_text(f"import {imported}\n")
    found = lint_imports(tmp_path)
    assert found.returncode == 1
    assert f"{importer} -> {imported}" in found.stdout


def _modules_of_the_contract() -> set[str]:
    contract = PROJECT["tool"]["importlinter"]
    named = {name for each in contract["contracts"] for name in each.get("source_modules", [])}
    return (
        named
        | {name for each in contract["contracts"] for name in each.get("forbidden_modules", [])}
        | set(contract["root_packages"])
    )
