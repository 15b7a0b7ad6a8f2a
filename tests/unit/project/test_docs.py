"""Links of the docs lead somewhere, versions agree, and the records of decisions are listed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GUIDES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "concepts").glob("*.md"))]
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes addresses of them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_docs_relative_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_docs_guides_name_files_that_exist(page: Path) -> None:
    named = {path for path in re.findall(r"`([a-z]+/[\w./-]+)`", page.read_text()) if "NAME" not in path}
    named |= set(re.findall(r"\b(?:tests|streams|docs)/[\w./-]+\.py\b", page.read_text()))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_docs_index_lists_every_decision() -> None:
    listed = re.findall(r"\]\((\d{4}-[^)]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text())
    assert set(listed) == {page.name for page in ADRS}


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.name)
def test_docs_decision_has_its_number_and_a_status(page: Path) -> None:
    text = page.read_text()
    assert re.search(rf"^# {int(page.name[:4])}\. ", text), "the title begins with the number"
    assert re.search(r"^(Status|Accepted)", text, re.MULTILINE)


def test_changelog_knows_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in changelog
    assert re.search(rf"\b{re.escape(version)}\b", changelog)


def test_licence_is_apache_2_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright 2026 Protiv Buildertrend integration contributors" in (ROOT / "NOTICE").read_text()
