"""Simulates the crews' work on the jobs, day by day up to the anchor date: who worked when, where and on what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from sandbox.generator.catalogue import Phase, Trade
from sandbox.generator.clock import WorkDay, is_work_day, season
from sandbox.generator.jobs import JobPlan
from sandbox.generator.people import Crew, People, Tenure
from sandbox.generator.plan import Plan
from sandbox.model import GENERAL_JOB_ID
from sandbox.wall_time import elapsed_minutes, wall_text

_WEEK_MINUTES = 40 * 60
# What exceeds both the week's 40 hours and so many a day counts double.
_DAY_MINUTES = 9 * 60


@dataclass(slots=True)
class Draft:
    """A shift that has no id, approval and notes yet."""

    job_id: int
    user_id: int
    time_in: str
    time_out: str | None
    break_minutes: int
    minutes: int
    overtime_minutes: int
    rate_cents: int
    trade: Trade | None
    day: int
    double_overtime_minutes: int = 0


@dataclass(slots=True)
class Walk:
    """The state of the simulation: each crew's job and what each worker has worked this week."""

    plan: Plan
    rng: Random
    people: People
    job_plans: list[JobPlan]
    trades: dict[Phase | None, list[Trade]]
    sites: dict[int, JobPlan] = field(default_factory=dict)
    week_minutes: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    drafts: list[Draft] = field(default_factory=list)


def walk_crews(
    plan: Plan, people: People, *, job_plans: list[JobPlan], trades: list[Trade], first_day: int
) -> list[Draft]:
    """Every shift between the first day and the anchor, in order of time; usually more than the plan asks for."""
    by_phase: dict[Phase | None, list[Trade]] = defaultdict(list)
    for trade in trades:
        if trade.is_worked:
            by_phase[trade.phase].append(trade)
    walk = Walk(plan, plan.random("walk"), people, job_plans, by_phase)
    anchor = plan.anchor.toordinal()
    for day in range(first_day, anchor):
        on_day = date.fromordinal(day)
        if on_day.weekday() == 0:
            walk.week_minutes.clear()
        if is_work_day(walk.rng, on_day):
            _walk_day(walk, WorkDay(on_day, day, season(on_day)))
    _clock_in_today(walk, anchor)
    walk.drafts.sort(key=lambda draft: (draft.time_in, draft.user_id))
    return walk.drafts


def _walk_day(walk: Walk, day: WorkDay) -> None:
    active = [job for job in walk.job_plans if job.starts_at <= day.ordinal < job.ends_at]
    for index, crew in enumerate(walk.people.crews):
        site = _site_of(walk, index, crew=crew, active=active, day=day.ordinal)
        for place in crew.places:
            tenure = _holder(place, day.ordinal)
            if tenure is not None and walk.rng.random() < day.attendance:
                _work_day(walk, tenure, day=day, site=site, active=active)


def _site_of(walk: Walk, index: int, *, crew: Crew, active: list[JobPlan], day: int) -> JobPlan | None:
    """The crew stays on its job while there is work for its trade, else it moves to a job that has some."""
    now = walk.sites.get(index)
    if now is not None and day < now.ends_at and now.phase_on(day) in crew.kind.phases:
        return now
    fitting = [job for job in active if job.phase_on(day) in crew.kind.phases]
    if fitting:
        walk.sites[index] = walk.rng.choice(fitting)
    elif now is None or day >= now.ends_at:
        if not active:
            return None
        walk.sites[index] = walk.rng.choice(active)
    return walk.sites[index]


def _work_day(walk: Walk, tenure: Tenure, *, day: WorkDay, site: JobPlan | None, active: list[JobPlan]) -> None:
    """One worker's day: usually one shift, sometimes two on different jobs, rarely a night."""
    rng = walk.rng
    if rng.random() < walk.plan.shares.general:
        site = None
    draw = rng.random()
    if draw < 0.004:
        _add(walk, tenure, day=day, site=site, start=rng.randint(1020, 1200), minutes=rng.randint(360, 540))
    elif draw < 0.055 and active:
        start = day.start_minute(rng)
        morning = rng.randint(180, 270)
        _add(walk, tenure, day=day, site=site, start=start, minutes=morning)
        other = rng.choice(active)
        afternoon = rng.randint(180, 300)
        _add(walk, tenure, day=day, site=other, start=start + morning + rng.randint(20, 50), minutes=afternoon)
    elif draw < 0.085:
        _add(walk, tenure, day=day, site=None, start=day.start_minute(rng), minutes=rng.randint(120, 480))
    else:
        _add(walk, tenure, day=day, site=site, start=day.start_minute(rng), minutes=day.length_minutes(rng))


def _add(walk: Walk, tenure: Tenure, *, day: WorkDay, site: JobPlan | None, start: int, minutes: int) -> None:
    """Add a shift of `minutes` on the clock, its break included; what exceeds 40 hours a week is overtime."""
    rest = _break_minutes(walk.rng, minutes)
    time_in, time_out = wall_text(day.date, start), wall_text(day.date, start + minutes)
    worked = passed_minutes(day.date, start, minutes=minutes, time_zone=walk.plan.time_zone) - rest
    before = walk.week_minutes[tenure.user.id]
    walk.week_minutes[tenure.user.id] = before + worked
    overtime = max(0, before + worked - max(before, _WEEK_MINUTES))
    draft = _draft(walk, tenure, day=day, site=site, time_in=time_in)
    draft.time_out, draft.break_minutes = time_out, rest
    draft.double_overtime_minutes = min(overtime, max(0, worked - _DAY_MINUTES))
    draft.minutes, draft.overtime_minutes = worked - overtime, overtime - draft.double_overtime_minutes
    walk.drafts.append(draft)


def passed_minutes(day: date, start: int, *, minutes: int, time_zone: str) -> int:
    """Minutes that pass while the wall clock advances by `minutes`; only a night can lose or gain an hour."""
    if start + minutes < 1440:
        return minutes
    return elapsed_minutes(wall_text(day, start), wall_text(day, start + minutes), time_zone=time_zone)


def _draft(walk: Walk, tenure: Tenure, *, day: WorkDay, site: JobPlan | None, time_in: str) -> Draft:
    return Draft(
        job_id=GENERAL_JOB_ID if site is None else site.job_id,
        user_id=tenure.user.id,
        time_in=time_in,
        time_out=None,
        break_minutes=0,
        minutes=0,
        overtime_minutes=0,
        rate_cents=tenure.rate_cents_in(day.date.year, walk.plan.anchor.year),
        trade=_trade(walk, site, day.ordinal),
        day=day.ordinal,
    )


def _trade(walk: Walk, site: JobPlan | None, day: int) -> Trade | None:
    rng = walk.rng
    if site is None or rng.random() < 0.06:
        return rng.choice(walk.trades[None])
    phase = site.phase_on(day)
    options = walk.trades[phase]
    index = site.kind.phases.index(next(pair for pair in site.kind.phases if pair[0] is phase))
    begun = site.bounds[index - 1] if index else site.starts_at
    share = (day - begun) / max(1, site.bounds[index] - begun)
    if rng.random() < 0.15:
        return rng.choice(options)
    return options[min(int(share * len(options)), len(options) - 1)]


def _clock_in_today(walk: Walk, anchor: int) -> None:
    """The anchor day: workers on site are still clocked in, and so is one who forgot to clock out earlier."""
    yesterday = [draft for draft in walk.drafts if draft.day == anchor - 1]
    if yesterday:
        forgot = walk.rng.choice(yesterday)
        forgot.time_out, forgot.break_minutes, forgot.minutes, forgot.overtime_minutes = None, 0, 0, 0
    day = WorkDay(walk.plan.anchor, anchor, season(walk.plan.anchor))
    active = [job for job in walk.job_plans if job.starts_at <= anchor < job.ends_at]
    most = max(1, walk.plan.shifts // 10)
    holders = [
        (tenure, _site_of(walk, index, crew=crew, active=active, day=anchor))
        for index, crew in enumerate(walk.people.crews)
        for place in crew.places
        if (tenure := _holder(place, anchor)) is not None
    ]
    share = 0.9 if walk.plan.anchor.weekday() < 5 else 0.3
    for tenure, site in holders[: max(1, min(most, round(len(holders) * share)))]:
        time_in = wall_text(day.date, day.start_minute(walk.rng))
        walk.drafts.append(_draft(walk, tenure, day=day, site=site, time_in=time_in))


def _holder(place: tuple[Tenure, ...], day: int) -> Tenure | None:
    return next((tenure for tenure in place if tenure.starts_at <= day < tenure.ends_at), None)


def _break_minutes(rng: Random, minutes: int) -> int:
    if minutes < 300:
        return 0
    draw = rng.random()
    return 30 if draw < 0.8 else 45 if draw < 0.87 else 60 if draw < 0.92 else 0


def first_day_for(plan: Plan, places: int, *, attempt: int) -> int:
    """How far back the simulation begins to make enough shifts; further with each attempt."""
    days = (plan.shifts / (places * 0.6) + 20) * 1.3**attempt
    return (plan.anchor - timedelta(days=int(days))).toordinal()
