"""A change, an addition and a deletion in the sandbox become exactly those rows, and nothing else moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.fix_demo import COMPANY, Demo, eventually

_ALL_VERSIONS = "SELECT time_entry_id, version, updated_at FROM protiv.time_entries WHERE company_id = %s"


def sync(demo: Demo, kind: str = "sync") -> dict[str, Any]:
    done = demo.cli(kind, COMPANY, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert isinstance(event, dict)
    return event


def newest_closed_shift(demo: Demo) -> dict[str, Any]:
    return next(shift for shift in demo.sandbox.listed("shifts", limit=100) if shift["time_out"])


def test_edited_shift_arrives_and_no_other_row_moves(demo: Demo) -> None:
    shift = newest_closed_shift(demo)
    before = {row[0]: row for row in demo.rows(_ALL_VERSIONS, COMPANY)}
    demo.sandbox.edit_shift(shift["id"], regular_minutes=123, overtime_minutes=7)

    counts = sync(demo)["counts"]

    assert (counts["created"], counts["updated"], counts["deleted"]) == (0, 1, 0)
    eventually(lambda: (demo.entry(shift["id"]) or {}).get("total_minutes") == 130, what="the edited shift's row")
    after = {row[0]: row for row in demo.rows(_ALL_VERSIONS, COMPANY)}
    assert {key for key in after if after[key] != before[key]} == {str(shift["id"])}


def test_shift_that_is_split_counts_by_its_parts_in_job_labor(demo: Demo) -> None:
    shift = newest_closed_shift(demo)
    codes = sorted(each["id"] for each in demo.sandbox.listed("cost-codes", limit=100))[:2]
    job_id = str(shift["job_id"])
    demo.sandbox.edit_shift(shift["id"], cost_code_ids=codes[:1], regular_minutes=130, overtime_minutes=0)
    sync(demo)
    eventually(partial(_has_code, demo, shift["id"], str(codes[0])), what="the shift with one cost code")
    before = _labor(demo, job_id)

    demo.sandbox.edit_shift(shift["id"], cost_code_ids=codes, cost_code_minutes=[100, 30])
    sync(demo)
    eventually(partial(_has_code, demo, shift["id"], None), what="the split shift")

    row = demo.entry(shift["id"])
    assert row is not None
    assert (row["split_cost_code_ids"], row["split_minutes"]) == ([str(code) for code in codes], [100, 30])
    after = _labor(demo, job_id)
    moved = {code: after.get(code, 0) - before.get(code, 0) for code in after}
    assert {code: minutes for code, minutes in moved.items() if minutes} == {str(codes[0]): -30, str(codes[1]): 30}


def _has_code(demo: Demo, shift_id: int, code_id: str | None) -> bool:
    row = demo.entry(shift_id)
    return row is not None and (row["total_minutes"], row["cost_code_id"]) == (130, code_id)


def _labor(demo: Demo, job_id: str) -> dict[str | None, int]:
    statement = "SELECT cost_code_id, actual_minutes FROM protiv.job_labor WHERE company_id = %s AND job_id = %s"
    return {code: int(minutes) for code, minutes in demo.rows(statement, COMPANY, job_id)}


def test_added_then_deleted_shift_comes_and_goes_and_keeps_its_version(demo: Demo) -> None:
    like = newest_closed_shift(demo)
    day = like["time_in"][:10]
    added = demo.sandbox.add_shift(
        job_id=like["job_id"], user_id=like["user_id"], time_in=f"{day}T06:00:00", time_out=f"{day}T06:45:00"
    )

    assert sync(demo)["counts"]["created"] == 1
    eventually(lambda: demo.entry(added["id"]) is not None, what="the added shift's row")
    row = demo.entry(added["id"])
    assert row is not None
    assert (row["total_minutes"], row["deleted_at"]) == (45, None)

    demo.sandbox.delete_shift(added["id"])
    assert sync(demo)["counts"]["deleted"] == 1
    eventually(lambda: (demo.entry(added["id"]) or {}).get("deleted_at") is not None, what="the deletion")
    gone = demo.entry(added["id"])
    assert gone is not None
    assert gone["version"] > row["version"]
    assert gone["total_minutes"] == 45


def test_renamed_job_renames_exactly_its_entries_and_budgets(demo: Demo) -> None:
    job_id = newest_closed_shift(demo)["job_id"]
    demo.sandbox.rename_job(job_id, "O'Brien “Lake” House 🏠")

    assert sync(demo)["counts"]["updated"] == 1 + _rows_naming_job(demo, job_id)
    renamed = "SELECT count(*) FROM protiv.current_{} WHERE company_id = %s AND job_id = %s AND job_name <> %s"
    for table in ("time_entries", "budgets"):
        old_name = partial(demo.rows, renamed.format(table), COMPANY, str(job_id), "O'Brien “Lake” House 🏠")
        eventually(partial(_is_zero, old_name), what=f"the new name in {table}")
    other = "SELECT count(*) FROM protiv.time_entries WHERE company_id = %s AND job_id <> %s AND job_name LIKE %s"
    assert demo.rows(other, COMPANY, str(job_id), "O'Brien%") == [(0,)]


def _is_zero(count: Callable[[], list[tuple[Any, ...]]]) -> bool:
    return count() == [(0,)]


def _rows_naming_job(demo: Demo, job_id: int) -> int:
    """Shifts of the window that state the job's name themselves are changed records too."""
    return len([s for s in _window(demo) if s["job_id"] == job_id])


def _window(demo: Demo) -> list[dict[str, Any]]:
    zone = ZoneInfo(demo.sandbox.company["time_zone"])
    edge = (datetime.now(UTC).astimezone(zone).date() - timedelta(days=35)).isoformat()
    return [shift for shift in demo.sandbox.listed("shifts", limit=1000) if shift["time_in"][:10] >= edge]


def test_sync_of_unknown_company_is_rejected_with_the_reason(demo: Demo) -> None:
    done = demo.cli("sync", "nobody-1", "--wait")
    assert done.returncode == 1
    assert "nobody-1 is not connected" in done.stdout


def test_connect_with_wrong_password_says_so_and_tries_once(demo: Demo) -> None:
    profile = demo.sandbox.company
    demo.sandbox.reset_counters()

    done = demo.cli(
        "connect",
        "wrong-password-1",
        f"--username={profile['username']}",
        "--time-zone=America/Denver",
        "--password-stdin",
        "--wait",
        stdin="not-the-password\n",
    )

    assert done.returncode == 1
    assert "Buildertrend did not accept this username or password." in done.stdout
    attempts = demo.sandbox.counters()["sign_ins"]
    assert attempts == {"successful": 0, "failed": 1}
    again = demo.cli("sync", "wrong-password-1", "--wait")
    assert again.returncode == 1
    assert demo.sandbox.counters()["sign_ins"] == {"successful": 0, "failed": 1}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("connect", "c1", "--username=a", "--time-zone=Mars/Olympus", "--password-stdin"), "Mars/Olympus"),
        (("topics", "tail", "no.such.topic"), "There is no topic no.such.topic"),
        (("status", "nobody-1"), "nobody-1 is not connected"),
        (("sync",), "Missing argument 'COMPANY'"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_2(demo: Demo, arguments: tuple[str, ...], expected: str) -> None:
    done = demo.cli(*arguments, stdin="x\n")
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
