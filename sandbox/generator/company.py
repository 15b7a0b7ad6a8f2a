"""Puts a whole generated company together from its parts."""

from __future__ import annotations

from itertools import count

from sandbox.company import Tables
from sandbox.generator.budgets import make_budgets
from sandbox.generator.catalogue import make_trades
from sandbox.generator.finish import finish_shifts
from sandbox.generator.jobs import make_job_plans, make_jobs
from sandbox.generator.people import crew_count, make_people, worker_places
from sandbox.generator.plan import Plan
from sandbox.generator.walk import first_day_for, walk_crews


def generate(plan: Plan) -> Tables:
    """All records of the company: `plan.jobs` jobs including the General job, and exactly `plan.shifts` shifts."""
    trades = make_trades(plan.random("trades"), most_a_phase=plan.shares.trades_a_phase)
    for attempt in count():
        first_day = first_day_for(plan, worker_places(plan), attempt=attempt)
        people = make_people(plan, first_day=first_day)
        job_plans = make_job_plans(plan, first_day=first_day, crews=crew_count(plan))
        drafts = walk_crews(plan, people, job_plans=job_plans, trades=trades, first_day=first_day)
        if len(drafts) >= plan.shifts:
            break
    shifts = finish_shifts(plan, drafts, crane=people.crane, trades=trades)
    lines, sheet = make_budgets(plan, job_plans, trades=trades, shifts=shifts)
    managers = [user.name for user in people.office if user.role in ("Owner", "Project Manager")]
    tables = Tables()
    tables.add_all(make_jobs(plan, job_plans, managers=managers))
    tables.add_all(people.users())
    tables.add_all(trade.code for trade in trades)
    tables.add_all(lines)
    tables.add_all(sheet)
    tables.add_all(shifts)
    return tables
