"""Jobs of the company's history: some closed, some under way, a few sold but not begun, and the General job."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from random import Random

from sandbox.generator import names
from sandbox.generator.catalogue import JOB_KINDS, JobKind, Phase
from sandbox.generator.plan import Plan
from sandbox.model import (
    GENERAL_JOB_ID,
    STATUS_CLOSED,
    STATUS_OPEN,
    STATUS_PRESALE,
    STATUS_WARRANTY,
    Job,
)

_PRESALE_SHARE = 0.07
_WARRANTY_DAYS = 60


@dataclass(frozen=True, slots=True)
class JobPlan:
    """When a job is on site and in which phase; days are proleptic ordinals."""

    job_id: int
    kind: JobKind
    starts_at: int
    ends_at: int
    bounds: tuple[int, ...]

    def phase_on(self, day: int) -> Phase:
        """The phase of a day on which the job is active."""
        return self.kind.phases[min(bisect_right(self.bounds, day), len(self.bounds) - 1)][0]

    def progress_on(self, day: int) -> float:
        return min(1.0, max(0.0, (day - self.starts_at) / (self.ends_at - self.starts_at)))


def make_job_plans(plan: Plan, *, first_day: int, crews: int) -> list[JobPlan]:
    """Plans in job id order, ids in the order in which the jobs were sold; enough at a time to keep crews busy."""
    rng = plan.random("jobs")
    count = max(plan.jobs - 1, 0)
    anchor = plan.anchor.toordinal()
    presale = int(count * _PRESALE_SHARE)
    started = count - presale
    mean_days = max(12.0, 1.5 * crews * (anchor - first_day) / max(started, 1))
    starts = sorted(
        first_day - mean_days / 2 + (index + rng.random()) * (anchor - 3 - first_day + mean_days / 2) / max(started, 1)
        for index in range(started)
    )
    starts += sorted(anchor + rng.uniform(6, 90) for _ in range(presale))
    kinds, weights = zip(*JOB_KINDS, strict=True)
    job_id = rng.randint(20_000_000, 60_000_000)
    plans = []
    for start in starts:
        job_id += rng.randint(7, 4000)
        plans.append(_job_plan(rng, job_id, kind=rng.choices(kinds, weights)[0], start=start, mean_days=mean_days))
    return plans


def _job_plan(rng: Random, job_id: int, *, kind: JobKind, start: float, mean_days: float) -> JobPlan:
    starts_at = int(start)
    days = max(len(kind.phases) + 2, round(mean_days * kind.size / 1.25 * rng.uniform(0.75, 1.3)))
    whole = sum(weight for _, weight in kind.phases)
    passed, bounds = 0, []
    for _, weight in kind.phases:
        passed += weight
        bounds.append(starts_at + round(days * passed / whole))
    return JobPlan(job_id, kind, starts_at, starts_at + days, tuple(bounds))


def make_jobs(plan: Plan, job_plans: list[JobPlan], *, managers: list[str]) -> list[Job]:
    """The rows of the jobs, the General job first; empty for a company of no jobs."""
    if plan.jobs < 1:
        return []
    rng = plan.random("job-rows")
    taken: set[str] = set()
    jobs = [_general_job()]
    numbers: dict[int, int] = {}
    for job_plan in job_plans:
        year = date.fromordinal(job_plan.starts_at).year
        numbers[year] = numbers.get(year, 0) + 1
        number = f"{year % 100:02d}-{numbers[year]:03d}"
        jobs.append(_job(rng, job_plan, number=number, anchor=plan.anchor.toordinal(), taken=taken, managers=managers))
    return jobs


def _general_job() -> Job:
    return Job(
        GENERAL_JOB_ID, "General", "", STATUS_OPEN, is_closed=False, street="", city="", postal_code="", opened_on=None,
        projected_start_on=None, actual_start_on=None, projected_close_on=None, project_managers=(), contract_cents=0,
    )  # fmt: skip


def _job(rng: Random, job_plan: JobPlan, *, number: str, anchor: int, taken: set[str], managers: list[str]) -> Job:
    status = _status(rng, job_plan, anchor)
    agrees = rng.random() >= 0.06
    street = names.street_address(rng)
    city, postal_code = names.city_and_postal_code(rng)
    opened = job_plan.starts_at - rng.randint(5, 40)
    begun = job_plan.starts_at <= anchor
    return Job(
        id=job_plan.job_id,
        name=names.job_title(rng, job_plan.kind.name_patterns, street=street, taken=taken),
        number=number if rng.random() < 0.93 else "",
        status=status,
        is_closed=(status == STATUS_CLOSED) is agrees,
        street=street,
        city=city,
        postal_code=postal_code,
        opened_on=_day_text(min(opened, anchor)),
        projected_start_on=_day_text(job_plan.starts_at - rng.randint(-4, 6)) if rng.random() < 0.8 else None,
        actual_start_on=_day_text(job_plan.starts_at) if begun and rng.random() < 0.9 else None,
        projected_close_on=_day_text(job_plan.ends_at + rng.randint(-10, 12)) if rng.random() < 0.75 else None,
        project_managers=tuple(rng.sample(managers, 1 if rng.random() < 0.8 else min(2, len(managers)))),
        contract_cents=rng.randint(job_plan.kind.thousands_low * 4, job_plan.kind.thousands_high * 4) * 25_000,
    )


def _status(rng: Random, job_plan: JobPlan, anchor: int) -> int:
    if job_plan.starts_at > anchor:
        return STATUS_PRESALE
    if job_plan.ends_at >= anchor:
        return STATUS_OPEN
    if anchor - job_plan.ends_at < _WARRANTY_DAYS:
        return STATUS_WARRANTY if rng.random() < 0.7 else STATUS_OPEN
    return STATUS_CLOSED if rng.random() < 0.96 else STATUS_OPEN


def _day_text(day: int) -> str:
    return f"{date.fromordinal(day).isoformat()}T00:00:00"
