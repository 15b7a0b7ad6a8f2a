"""A recording that a real browser makes of the sandbox's pages is understood whole, and its shape holds no value."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from cli.main import main
from producers.buildertrend.check.checker import Checked
from producers.buildertrend.check.har import Har
from producers.buildertrend.check.report import lines_of, report_of

_FLOOR = 1_000


@dataclass(frozen=True)
class Site:
    """A sandbox in a process of its own, with one company."""

    url: str
    username: str
    password: str


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    command = [sys.executable, "-m", "sandbox", "--port=0", "--jobs=12", "--shifts=450"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        try:
            yield Site(said["url"], said["company"]["username"], said["company"]["password"])
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def capture(site: Site, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an admin does: open both pages, page through the shifts, open some jobs, export."""
    path = tmp_path_factory.mktemp("capture") / "capture.har"
    details = {"username": site.username, "password": site.password}
    headers = {"portaltype": "1", "User-Agent": "Mozilla/5.0"}
    cookies = httpx.post(f"{site.url}/api/Login/AjaxLogin", json=details, headers=headers).cookies
    context = browser.new_context(record_har_path=path, record_har_content="embed")
    context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies.items()])
    page = context.new_page()
    page.goto(f"{site.url}/app/TimeClock/Reports")
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    number = 1
    while page.locator("#next").is_enabled():
        number += 1
        page.click("#next")
        page.wait_for_selector(f"body[data-pages='{number}']")
    page.goto(f"{site.url}/app/Jobs/List")
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    for job in page.locator("button[data-job]").all()[:4]:
        job.click()
        page.wait_for_selector(f"body[data-opened='{job.get_attribute('data-job')}']", timeout=30_000)
    context.close()
    return path


def looked_at(path: Path) -> Checked:
    found = Checked("har")
    found.take(Har(path).exchanges())
    return found


def test_capture_of_a_browser_is_understood(capture: Path) -> None:
    report = report_of(looked_at(capture))
    assert report.lost == [], "\n".join(lines_of(report))
    rows = {one["kind"]: one["rows"] for one in report.endpoints if one["kind"]}
    assert rows["shifts"] == 450
    assert all(rows[kind] > 0 for kind in ("account", "jobs", "job list", "budget", "cost codes"))
    held = {number for number, fact in report.facts.items() if fact["state"] == "holds"}
    assert {"G2", "G6", "G7", "G8", "G10", "G12", "G15", "T2", "T3", "T5", "T6", "T8", "U1"} <= held


def test_capture_of_a_browser_gives_the_pages_recipe(capture: Path) -> None:
    recipe = looked_at(capture).recipe
    assert recipe is not None
    assert recipe.address == "/api/TimeClock/Grid?gridType=29"
    assert recipe.sort == ("1", "desc")
    assert (len(recipe.columns), recipe.left_out) == (16, ())


def test_capture_of_a_browser_leaves_no_value_in_report_and_shape(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = tmp_path / "shape.json"
    assert main(["source", "check", str(capture), "--shape", str(shape)]) == 0
    shown = capsys.readouterr().out + shape.read_text()
    texts, numbers = values_of(capture)
    assert len(texts) > 100
    assert [text for text in texts if text in shown] == []
    assert {int(number) for number in re.findall(r"[0-9]{4,}", shown)} & numbers == set()


def values_of(capture: Path) -> tuple[set[str], set[int]]:
    """Texts with a blank in them and large numbers of all answers: names, notes, titles, ids."""
    texts: set[str] = set()
    numbers: set[int] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            node = [*node.values()]
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, str) and " " in node:
            texts.add(node)
        elif type(node) is int and node >= _FLOOR and node % _FLOOR:
            numbers.add(node)

    for exchange in Har(capture).exchanges():
        walk(json.loads(exchange.body))
    return texts, numbers
