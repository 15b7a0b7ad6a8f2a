"""A day of a company of 60 open jobs and 25 workers: its requests, and how long a shift takes to be published.

Three ways side by side: glances as they are by default, the same without glances, and reads every two hours that ask
for the budget of every open job, as it was before.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks._economy_day import DayFigures, WorkingDay, coming_work_day
from benchmarks._stack import running_stack
from benchmarks.figures import arguments, percentile, report
from producers.buildertrend.account import Account
from producers.buildertrend.reads.costing import BudgetsRead, CostCodesRead
from producers.buildertrend.reads.lists import JobsRead
from producers.buildertrend.reads.plan import ALL_JOBS, Memory, Scope, planned_reads
from producers.source import EntityRead
from schemas.entities import BUDGETS, COST_CODES


def main() -> int:
    """Prints the figures."""
    options = arguments(__doc__).parse_args()
    day = coming_work_day(datetime.now(UTC).date())
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "stack") as (stack, _):
        settings = stack.model_copy(update={"buildertrend_min_request_gap_ms": 400})
        off = settings.model_copy(update={"glance_interval_s": 0})
        figures |= _named("glance_on", WorkingDay(settings, "glance-on", day).live())
        figures |= _named("glance_off", WorkingDay(off, "glance-off", day).live())
        figures |= _named("two_hourly", _two_hourly(WorkingDay(off, "two-hourly", day)))
    report(figures, as_json=options.json)
    return 0


def _two_hourly(day: WorkingDay) -> DayFigures:
    with patch("producers.connection_work.planned_reads", _all_budgets_each_time):
        return day.live()


def _all_budgets_each_time(account: Account, scope: Scope, memory: Memory) -> Iterator[EntityRead]:
    """Jobs, people and shifts, then the cost codes and the budget of every job in the scope, as it was before."""
    others = frozenset(scope.entities) - {BUDGETS.name, COST_CODES.name}
    jobs: JobsRead | None = None
    for read in planned_reads(account, Scope(scope.jobs, scope.from_day, others, kept_from=scope.kept_from), memory):
        if isinstance(read, JobsRead):
            jobs = read
        yield read
    assert jobs is not None
    job_ids = [one for one in (jobs.job_ids if scope.jobs == ALL_JOBS else jobs.open_job_ids) if one]
    yield CostCodesRead(account, job_ids, whole=scope.jobs == ALL_JOBS)
    yield BudgetsRead(account, job_ids)


def _named(name: str, day: DayFigures) -> dict[str, Any]:
    return {
        f"{name}_requests": sum(day.requests.values()),
        f"{name}_requests_by_read": day.requests,
        f"{name}_save_to_publish_p50_s": round(percentile(day.seconds, 0.5)),
        f"{name}_save_to_publish_p95_s": round(percentile(day.seconds, 0.95)),
        f"{name}_saves": len(day.seconds) + day.never,
        f"{name}_never_published": day.never,
    }


if __name__ == "__main__":
    sys.exit(main())
