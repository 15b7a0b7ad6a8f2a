"""The console as an admin uses it, through its own forms and pages: from Connect until green and until the shifts of
the current pay period are in Postgres, and how long the page of a big company takes during its first read.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import httpx
import psycopg
from rich.console import Console

from benchmarks.figures import arguments, percentile, report
from cli.local import LocalStack, SandboxCompany
from cli.user import demo_user
from core.errors import FatalError
from embedded.progress import ConsoleProgress
from sandbox.client import SandboxControl

_COMPANY = "bench"
_PAY_PERIOD_DAYS = 14
_LATEST_S = 300.0
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


def main() -> int:
    """Prints the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--shifts", type=int, default=50_000)
    options = parser.parse_args()
    company = SandboxCompany(seed=7, jobs=options.jobs, shifts=options.shifts)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder), sandbox=company, gap_ms=0) as stack:
        addresses, settings = stack.start(ConsoleProgress(console))
        user = demo_user(settings, Path(folder))
        source = SandboxControl(addresses.sandbox).company
        with (
            httpx.Client(base_url=addresses.console, trust_env=False, timeout=60, follow_redirects=True) as browser,
            psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as database,
        ):
            measured = _Measured(browser, database, source["anchor_date"])
            measured.sign_in(user.email, user.password)
            figures = {"shifts": options.shifts, **measured.connect(source)}
    report(figures, as_json=options.json)
    return 0


class _Measured:
    def __init__(self, browser: httpx.Client, database: psycopg.Connection, today: str) -> None:
        self._browser = browser
        self._database = database
        self._since = date.fromisoformat(today) - timedelta(days=_PAY_PERIOD_DAYS)

    def sign_in(self, email: str, password: str) -> None:
        """Through the form."""
        page = self._browser.get("/sign-in")
        fields = {"form_token": _token(page), "email": email, "password": password}
        if "/companies" not in str(self._browser.post("/sign-in", data=fields).url):
            raise FatalError("The console did not accept the sign-in.")

    def connect(self, source: dict[str, str]) -> dict[str, float]:
        """Seconds from Authenticate on, and milliseconds of a page in the meantime."""
        form = self._browser.get(f"/c/{_COMPANY}/buildertrend/connect")
        fields = {"form_token": _token(form), **{name: source[name] for name in ("username", "password", "time_zone")}}
        began = time.monotonic()
        steps = self._browser.post(f"/c/{_COMPANY}/buildertrend/connect", data=fields)
        green = _until(lambda: 'data-outcome="connected"' in self._browser.get(str(steps.url)).text)
        first = _until(lambda: self._shifts_since() > 0)
        pages: list[float] = []
        whole = _until(lambda: self._is_whole(pages))
        return {
            "connect_to_green_s": round(green - began, 2),
            "connect_to_first_shift_s": round(first - began, 2),
            "connect_to_pay_period_s": round(whole - began, 2),
            "page_while_reading_p50_ms": round(percentile(pages, 0.5) * 1000),
            "page_while_reading_p99_ms": round(percentile(pages, 0.99) * 1000),
        }

    def _is_whole(self, pages: list[float]) -> bool:
        """Whether shifts from before the pay period are stored: newest come first, so that the period is complete."""
        began = time.monotonic()
        self._browser.get(f"/c/{_COMPANY}/buildertrend").raise_for_status()
        pages.append(time.monotonic() - began)
        return self._count("work_date < %s") > 0

    def _shifts_since(self) -> int:
        return self._count("work_date >= %s")

    def _count(self, condition: str) -> int:
        statement = f"SELECT count(*) FROM protiv.current_time_entries WHERE company_id = %s AND {condition}"
        row = self._database.execute(statement.encode(), [_COMPANY, self._since]).fetchone()
        return int(row[0]) if row else 0


def _until(holds: Callable[[], bool]) -> float:
    """The monotonic time at which it held; FatalError after five minutes."""
    limit = time.monotonic() + _LATEST_S
    while not holds():
        if time.monotonic() > limit:
            raise FatalError(f"The console did not get there within {_LATEST_S:.0f} s.")
        time.sleep(0.02)
    return time.monotonic()


def _token(page: httpx.Response) -> str:
    found = _TOKEN.search(page.text)
    if found is None:
        raise FatalError(f"The page {page.url} has no form.")
    return found[1]


if __name__ == "__main__":
    sys.exit(main())
