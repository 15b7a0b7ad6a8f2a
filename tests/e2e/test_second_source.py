"""Everything against a source that was written from docs/wire.md alone: first sync, edits and faults, exact tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from cli.local import LocalStack
from embedded.progress import SilentProgress
from tests.fix_demo import clean_environment, eventually, temporary_folder
from tests.second_company import SecondCompany
from tests.second_source import PASSWORD, USERNAME, Answer, Quirks, SecondSource

ZONE = "America/Denver"
COMPANY = "second-1"
_ENTRIES = """SELECT time_entry_id, job_id, user_id, cost_code_id, split_cost_code_ids, split_minutes, regular_minutes,
    overtime_minutes, double_overtime_minutes, pto_minutes, break_minutes, total_minutes, work_date, labor_cost,
    approved, link_status, notes, tags FROM protiv.current_time_entries WHERE company_id = %s"""
_TABLES = {
    "jobs": "SELECT job_id, name, number, status, street, opened_on FROM protiv.current_jobs WHERE company_id = %s",
    "users": "SELECT user_id, name FROM protiv.current_users WHERE company_id = %s",
    "cost_codes": "SELECT cost_code_id, title, stated_by FROM protiv.current_cost_codes WHERE company_id = %s",
    "budgets": "SELECT budget_id, original_amount, revised_amount, budgeted_minutes FROM protiv.current_budgets"
    " WHERE company_id = %s",
}
_SPLITS = (
    "SELECT time_entry_id, coalesce(cost_code_id, ''), minutes, labor_cost FROM protiv.time_entry_splits"
    " WHERE company_id = %s"
)


class Connected:
    """A company of the second source, connected to a whole stack."""

    def __init__(self, source: SecondSource, stack: LocalStack, database: str) -> None:
        self.source = source
        self._stack = stack
        self._database = database

    def cli(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        lines = [line for line in self._stack.settings_file.read_text().splitlines() if not line.startswith("#")]
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            input=stdin,
            env=clean_environment() | dict(line.split("=", 1) for line in lines),
            capture_output=True,
            text=True,
            check=False,
        )

    def sync(self, kind: str = "full-sync") -> dict[str, Any]:
        """The event that ends the command, whatever it is."""
        done = self.cli(kind, COMPANY, "--wait", "--json")
        assert done.stdout, done.stderr
        event: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return event

    def stored(self) -> dict[str, dict[tuple[str, ...], tuple[Any, ...]]]:
        """As `SecondCompany.expected`."""
        with psycopg.connect(self._database) as connection:
            found: dict[str, dict[tuple[str, ...], tuple[Any, ...]]] = {
                name: {(str(key),): tuple(rest) for key, *rest in connection.execute(query.encode(), [COMPANY])}
                for name, query in _TABLES.items()
            }
            entries = connection.execute(_ENTRIES.encode(), [COMPANY]).fetchall()
            splits = connection.execute(_SPLITS.encode(), [COMPANY]).fetchall()
        found["time_entries"] = {(str(row[0]),): _entry(*row[1:]) for row in entries}
        found["time_entry_splits"] = {(str(key), str(code)): (int(part), cost) for key, code, part, cost in splits}
        return found

    def differences(self) -> list[str]:
        """What differs between the source and the tables, a few of each table."""
        wanted, found = self.source.company.expected(), self.stored()
        different: list[str] = []
        for table, rows in wanted.items():
            keys = [key for key in sorted(rows.keys() | found[table].keys()) if rows.get(key) != found[table].get(key)]
            different += [f"{table} {key}: {rows.get(key)} stored as {found[table].get(key)}" for key in keys[:5]]
            different += [f"{table}: {len(keys)} differ"] if keys else []
        return different

    def check(self) -> None:
        """Every table equals the source, at once or as soon as streams and sink are through."""
        last: list[str] = []

        def equal() -> bool:
            last[:] = self.differences()
            return not last

        try:
            eventually(equal, what="tables that equal the source", within_s=30)
        except pytest.fail.Exception:
            pytest.fail("\n".join(last))


def _entry(job: str, user: str, code: str | None, codes: list[str], parts: list[int], *rest: Any) -> tuple[Any, ...]:
    minutes, others = rest[:6], rest[6:]
    return (job, user, code, sorted(zip(codes, parts, strict=True)), minutes, *others)


@pytest.fixture(scope="module")
def connected() -> Iterator[Connected]:
    today = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date()
    source = SecondSource(SecondCompany(20261128, today=today))
    with temporary_folder() as folder, source.serving():
        stated = {
            "BUILDERTREND_APP_URL": source.url,
            "BUILDERTREND_LOGIN_URL": source.url,
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
        }
        with LocalStack(folder, sandbox=None, stated=stated, gap_ms=0) as stack:
            addresses, _settings = stack.start(SilentProgress())
            found = Connected(source, stack, addresses.database)
            options = [f"--username={USERNAME}", f"--time-zone={ZONE}", "--password-stdin", "--wait", "--json"]
            done = found.cli("connect", COMPANY, *options, stdin=PASSWORD)
            assert done.returncode == 0, done.stdout + done.stderr
            yield found


def _times(count: int, path: str, answer: Answer) -> Callable[[str], Answer | None]:
    """A fault: the next requests of a path are answered so."""
    left = [count]

    def fault(asked: str) -> Answer | None:
        if path not in asked or not left[0]:
            return None
        left[0] -= 1
        return answer

    return fault


_RELOGIN = {"success": False, "needsToRelogin": True, "data": None}
_SIGN_IN_PAGE = "<!DOCTYPE html><html><title>Sign in</title></html>"
# What the source does while it is read; all of it leaves the tables exact at the end of one full sync.
ROUNDS: dict[str, Quirks] = {
    "long lists of jobs are refused with 500": Quirks(most_ids=25, refusal="500"),
    "with 400": Quirks(most_ids=7, refusal="400"),
    "with success false": Quirks(most_ids=25, refusal="success-false"),
    "no jobs asked for means nothing": Quirks(empty_job_ids="nothing"),
    "pages are smaller than asked for": Quirks(page_size=37),
    "totalPages is nonsense": Quirks(page_size=100, pages_total=0),
    "totalPages is no number": Quirks(pages_total="many"),
    "containers are empty in place of null, tags are objects": Quirks(null_containers=False, tag_objects=True),
    "other spellings of cost codes": Quirks(spelling="costCodeId"),
    "bursts are answered with 403": Quirks(
        fail=[_times(2, "/api/TimeClock/Grid", (403, "<html>Forbidden</html>", {}))]
    ),
    "bursts are answered with 429": Quirks(fail=[_times(2, "JobCostingBudget", (429, "", {"Retry-After": ["1"]}))]),
    "the session is over, as JSON": Quirks(fail=[_times(1, "/Worksheet", (200, _RELOGIN, {}))]),
    "the session is over, as a page": Quirks(fail=[_times(1, "/api/TimeClock/Grid", (200, _SIGN_IN_PAGE, {}))]),
    "the session is over, as a redirect": Quirks(
        fail=[_times(1, "/api/jobpicker", (302, "", {"Location": ["/app/error"]}))]
    ),
}


def edit(company: SecondCompany) -> None:
    """A day in the company: shifts come, change and go, budgets move, a job and a worker are renamed."""
    pick = company.random
    for _ in range(6):
        company.add_shift(days_ago=pick.randrange(0, 20))
    for shift_id in pick.sample(company.recent(), 8):
        one = company.shifts[shift_id]
        codes = company.some_codes(one.total)
        company.edit_shift(shift_id, codes=codes, cost=one.cost + Decimal("1.0001"), approved=not one.approved)
    for shift_id in pick.sample(company.recent(), 3):
        del company.shifts[shift_id]
    job = pick.choice(sorted(company.jobs))
    company.jobs[job] = replace(company.jobs[job], name=f"{company.jobs[job].name} renamed")
    job = pick.choice(sorted(company.budgets))
    code = pick.choice(sorted(company.budgets[job]))
    original, revised, category = company.budgets[job][code]
    company.budgets[job][code] = (original, revised + Decimal("10.10"), category)
    worker = pick.choice(sorted(company.users))
    company.users[worker] += "!"


@pytest.mark.timeout(600)
def test_first_sync_brings_over_exactly_what_the_source_holds(connected: Connected) -> None:
    connected.check()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ROUNDS)
def test_round_of_edits_and_faults_ends_in_exactly_what_the_source_holds(connected: Connected, name: str) -> None:
    with connected.source.lock:
        edit(connected.source.company)
    connected.source.quirks = ROUNDS[name]

    event = connected.sync()

    assert event["type"] == "completed", event
    connected.check()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "quirks",
    [
        pytest.param(Quirks(no_shifts=True), id="no shifts"),
        pytest.param(Quirks(records_stated=False), id="no number of records"),
        pytest.param(Quirks(blank_columns=True), id="columns that are not selected"),
        pytest.param(Quirks(hidden_jobs=frozenset(range(101, 126))), id="jobs missing"),
        pytest.param(Quirks(short_page=2), id="a page that is always short"),
        pytest.param(Quirks(no_shifts=True, no_options=True), id="neither shifts nor users"),
    ],
)
def test_suspicious_read_changes_nothing_and_says_what_to_look_at(connected: Connected, quirks: Quirks) -> None:
    connected.source.quirks = Quirks()
    assert connected.sync()["type"] == "completed"
    connected.check()
    connected.source.quirks = quirks

    event = connected.sync()

    assert event["type"] in ("failed", "held"), event
    assert event["message"]
    connected.check()
    connected.source.quirks = Quirks()
    assert connected.sync()["type"] == "completed"
    connected.check()


@pytest.mark.timeout(600)
def test_edits_while_it_is_read_are_there_after_the_next_read(connected: Connected) -> None:
    days = iter(range(4))

    def work_on() -> None:
        if next(days, None) is not None:
            edit(connected.source.company)

    connected.source.quirks = Quirks(page_size=50, during_grid=work_on)

    connected.sync()
    connected.source.quirks = Quirks()

    assert next(days, None) is None, "The shifts were read while people worked."
    assert connected.sync()["type"] == "completed"
    connected.check()
