"""A real Chromium: found, or installed where that is possible; pages that fail a test for any console error, keep a
picture of what they saw, and are looked through by axe-core.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Response, expect, sync_playwright

from tests.e2e.console.fix_world import PASSWORD, World

PICTURES = Path(__file__).parents[3] / ".test-output" / "console"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_SERIOUS = {"serious", "critical"}

# A machine that does other things beside takes longer, and says nothing by it.
expect.set_options(timeout=30_000)


def chromium() -> str:
    """The path of a Chromium or Chrome; as root on a Debian it is installed, elsewhere it fails with what to do."""
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
        for command in (["apt-get", "update", "-q"], install):
            subprocess.run(command, env=environment, check=False, capture_output=True)
        found = _found()
    if found is None:
        pytest.fail("The browser tests need Chromium or Chrome: install one (Debian: apt install chromium).")
    return found


def _found() -> str | None:
    paths = (shutil.which(name) for name in _NAMES)
    return next((path for path in paths if path), str(_MAC) if _MAC.exists() else None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = _launched(playwright)
        yield browser
        browser.close()


def _launched(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=chromium(), args=_FLAGS)


@dataclass
class Visitor:
    """Somebody with a browser of their own. `expected` are statuses that this visit may see besides 2xx and 3xx."""

    world: World
    page: Page
    name: str
    expected: set[int] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(30_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error on the page: {error}"))
        self.page.on("response", self._answered)

    def sign_in(self, email: str) -> None:
        """With a session that is there already, at the first page."""
        self.page.context.add_cookies(
            [{"name": "protiv_session", "value": self.world.session_of(email), "url": self.world.address}]
        )
        self.open("/")

    def sign_in_by_form(self, email: str, password: str = PASSWORD) -> None:
        self.page.goto(self.world.address + "/sign-in")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def open(self, path: str) -> None:
        self.page.goto(self.world.address + path)

    def picture(self, what: str) -> None:
        """Keep how it looks now."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{self.name}-{what}.png", full_page=True, animations="disabled")

    def accessible(self, *rules: str) -> None:
        """No serious finding of axe-core on what is shown, of these rules or of all."""
        options = {"runOnly": list(rules)} if rules else {"resultTypes": ["violations"]}
        found: dict[str, Any] = Axe().run(self.page, options=options).response
        serious = [
            (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]])
            for one in found["violations"]
            if one["impact"] in _SERIOUS
        ]
        assert not serious, f"{self.page.url}: {serious}"

    def done(self) -> None:
        """Nothing went wrong that nobody looked at."""
        self.page.context.close()
        assert not self.troubles, self.troubles

    def _heard(self, message: ConsoleMessage) -> None:
        # The browser says of every failed answer that it failed; those are looked at where they come.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.troubles.append(f"console {message.type}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.troubles.append(f"{response.status} for {response.request.method} {response.url}")
