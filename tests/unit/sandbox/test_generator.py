"""Generated companies: the same plan gives the same records, exactly as many as asked for, plausible throughout."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.company import Tables
from sandbox.generator.catalogue import make_trades
from sandbox.generator.clock import is_work_day, season
from sandbox.generator.company import generate
from sandbox.generator.plan import Plan, profile_of, seeded
from sandbox.generator.walk import passed_minutes
from sandbox.model import Shift, labour_cost_cents
from sandbox.wall_time import elapsed_minutes

ANCHOR = date(2026, 6, 17)
DEFAULT = Plan(7, 60, 5000, ANCHOR, "America/Denver")


@cache
def default_company() -> Tables:
    return generate(DEFAULT)


def shifts() -> list[Shift]:
    return list(default_company().shifts.values())


def test_generate_twice_gives_the_same_records() -> None:
    assert generate(DEFAULT) == default_company()


def test_generate_with_another_seed_gives_others() -> None:
    other = generate(Plan(8, 60, 5000, ANCHOR, "America/Denver"))
    assert other.jobs.keys() & default_company().jobs.keys() <= {0}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 40), st.integers(0, 300), st.dates(date(2010, 1, 1), date(2060, 12, 31)))
def test_generate_gives_exactly_the_numbers_asked_for(seed: int, jobs: int, count: int, anchor: date) -> None:
    tables = generate(Plan(seed, jobs, count, anchor, "America/Denver"))
    assert (len(tables.jobs), len(tables.shifts)) == (jobs, count)
    assert (0 in tables.jobs) is (jobs > 0)
    for shift in tables.shifts.values():
        assert shift.job_id in tables.jobs or jobs == 0
        assert shift.user_id in tables.users
        assert set(shift.cost_code_ids) <= tables.cost_codes.keys()
        assert shift.time_in[:10] <= anchor.isoformat()


def test_shift_minutes_agree_with_the_clock() -> None:
    for shift in shifts():
        if shift.time_out is not None:
            elapsed = elapsed_minutes(shift.time_in, shift.time_out, time_zone="America/Denver")
            assert shift.worked_minutes + shift.break_minutes == elapsed
            assert min(shift.regular_minutes, shift.overtime_minutes, shift.break_minutes) >= 0


def test_open_shifts_are_of_today_or_yesterday_and_have_no_minutes() -> None:
    still_open = [shift for shift in shifts() if shift.time_out is None]
    assert still_open
    days = {ANCHOR.isoformat(), (ANCHOR - timedelta(days=1)).isoformat()}
    assert {shift.time_in[:10] for shift in still_open} == days
    assert {(shift.regular_minutes, shift.overtime_minutes, shift.is_approved) for shift in still_open} == {
        (0, 0, False)
    }


def test_open_shifts_of_the_anchor_begin_before_eight_also_in_winter() -> None:
    tables = generate(Plan(7, 20, 900, date(2026, 12, 21), "America/Denver"))
    starts = [shift.time_in[11:] for shift in tables.shifts.values() if shift.time_in[:10] == "2026-12-21"]
    assert len(starts) > 3
    assert max(starts) < "08:00:00"


@pytest.mark.parametrize(
    ("day", "passed"), [(date(2026, 3, 7), 420), (date(2026, 6, 17), 480), (date(2026, 10, 31), 540)]
)
def test_night_over_a_change_of_the_clock_has_the_minutes_that_pass(day: date, passed: int) -> None:
    assert passed_minutes(day, 22 * 60, minutes=480, time_zone="America/Denver") == passed


@pytest.mark.parametrize(
    "quirk",
    [
        lambda shift: shift.is_flat_rate,
        lambda shift: shift.double_overtime_minutes > 0,
        lambda shift: shift.pto_minutes > 0,
        lambda shift: shift.is_flat_rate and bool(shift.cost_code_ids),
        lambda shift: len(shift.cost_code_ids) > 1,
        lambda shift: not shift.cost_code_ids and not shift.is_flat_rate,
        lambda shift: shift.time_out is not None and shift.time_out[:10] > shift.time_in[:10],
        lambda shift: shift.overtime_minutes > 0,
        lambda shift: shift.was_edited,
        lambda shift: not shift.notes.isascii(),
        lambda shift: "'" in shift.notes,
        lambda shift: shift.rate_cents == 104_250,
        lambda shift: bool(shift.tags),
    ],
)
def test_quirk_occurs_and_stays_rare(quirk: object) -> None:
    assert callable(quirk)
    share = sum(bool(quirk(shift)) for shift in shifts()) / len(shifts())
    assert 0 < share < 0.15


def test_several_codes_are_different_ones() -> None:
    assert all(len(set(shift.cost_code_ids)) == len(shift.cost_code_ids) for shift in shifts())


def test_approvals_lag_by_a_week() -> None:
    this_monday = (ANCHOR - timedelta(days=ANCHOR.weekday())).isoformat()
    last_monday = (ANCHOR - timedelta(days=ANCHOR.weekday() + 7)).isoformat()
    this_week = [shift.is_approved for shift in shifts() if shift.time_in[:10] >= this_monday]
    before = [shift.is_approved for shift in shifts() if shift.time_in[:10] < last_monday]
    assert not any(this_week)
    assert sum(before) / len(before) > 0.95


def test_work_is_on_weekdays_mostly_and_longer_in_summer() -> None:
    days = Counter(date.fromisoformat(shift.time_in[:10]).weekday() for shift in shifts())
    assert days[5] + days[6] < 0.06 * len(shifts())
    summer = [s.regular_minutes + s.overtime_minutes for s in shifts() if s.time_in[5:7] in ("06", "07") and s.time_out]
    winter = [s.regular_minutes + s.overtime_minutes for s in shifts() if s.time_in[5:7] in ("12", "01") and s.time_out]
    assert sum(summer) / len(summer) > sum(winter) / len(winter) + 25


def test_crews_stay_on_a_job() -> None:
    by_worker: dict[int, list[Shift]] = {}
    for shift in shifts():
        by_worker.setdefault(shift.user_id, []).append(shift)
    pairs = [(a, b) for of_worker in by_worker.values() for a, b in pairwise(one for one in of_worker if one.job_id)]
    assert sum(a.job_id == b.job_id for a, b in pairs) / len(pairs) > 0.65


def test_job_phases_come_in_building_order() -> None:
    categories = dict.fromkeys(trade.code.category for trade in make_trades(DEFAULT.random("trades")))
    order = {category: index for index, category in enumerate(categories)}
    codes = default_company().cost_codes
    by_job: dict[int, list[int]] = {}
    for shift in shifts():
        if len(shift.cost_code_ids) == 1 and codes[shift.cost_code_ids[0]].category in order:
            by_job.setdefault(shift.job_id, []).append(order[codes[shift.cost_code_ids[0]].category])
    busy = [[index for index in of_job if index] for job_id, of_job in by_job.items() if job_id and len(of_job) > 60]
    rising = [mean(of_job[: len(of_job) // 3]) < mean(of_job[-(len(of_job) // 3) :]) for of_job in busy]
    assert sum(rising) / len(rising) > 0.9


def test_codes_repeat_with_other_titles_and_keep_trailing_dots() -> None:
    codes = [code for code in default_company().cost_codes.values() if code.code == "02.3070."]
    assert len({code.id for code in codes}) == len({code.title for code in codes}) == 2


def test_a_title_names_two_ids_in_some_companies_and_never_more_than_one_title_does() -> None:
    ambiguous = []
    for seed in range(60):
        titles = Counter(trade.code.title for trade in make_trades(seeded(str(seed))))
        ambiguous.append([title for title, ids in titles.items() if ids > 1])
    assert {len(titles) for titles in ambiguous} == {0, 1}


def test_statuses_all_occur_and_closed_flag_disagrees_on_some() -> None:
    jobs = default_company().jobs.values()
    assert {job.status for job in jobs} == {0, 1, 3, 4}
    disagreeing = sum((job.status == 0) is not job.is_closed for job in jobs)
    assert 0 < disagreeing < 12


def test_presale_jobs_have_no_shifts() -> None:
    presale = {job.id for job in default_company().jobs.values() if job.status == 4}
    assert presale
    assert not presale & {shift.job_id for shift in shifts()}


def test_workers_who_left_are_inactive_and_do_not_work_any_more() -> None:
    gone = {user.id for user in default_company().users.values() if not user.is_active}
    assert gone
    assert not gone & {shift.user_id for shift in shifts() if shift.time_in[:10] >= (ANCHOR - timedelta(7)).isoformat()}


def test_every_cost_code_is_in_a_budget_and_somewhat_more_than_half_of_the_jobs_have_one() -> None:
    tables = default_company()
    lines = tables.budget_lines.values()
    assert {line.cost_code_id for line in lines} == tables.cost_codes.keys()
    assert 0.45 < len({line.job_id for line in lines}) / 59 < 0.7
    assert 0.15 < len({line.job_id for line in tables.worksheet_lines.values()}) / 59 < 0.45
    assert len({(line.job_id, line.cost_code_id) for line in lines}) == len(lines)


def test_budgeted_hours_are_believable_against_worked_ones() -> None:
    worked: Counter[tuple[int, int]] = Counter()
    for shift in shifts():
        for code_id in shift.cost_code_ids[:1]:
            worked[shift.job_id, code_id] += shift.regular_minutes + shift.overtime_minutes
    budgeted: Counter[tuple[int, int]] = Counter()
    for line in default_company().worksheet_lines.values():
        if line.unit == "HR" and line.cost_code_id is not None:
            budgeted[line.job_id, line.cost_code_id] += line.quantity_hundredths * 60 // 100
    both = [(worked[key], budgeted[key]) for key in budgeted if worked[key] >= 600]
    over = sum(actual > plan for actual, plan in both) / len(both)
    assert 0.1 < over < 0.6
    assert sum(plan * 0.5 < actual < plan * 2 for actual, plan in both) / len(both) > 0.6


def test_profile_depends_on_the_plan_and_its_password_on_the_seed() -> None:
    profile, other = profile_of(DEFAULT), profile_of(Plan(7, 12, 100, ANCHOR, "America/Denver"))
    assert profile.username.startswith("integration+s7-60-5000@")
    assert profile.username.endswith(".example")
    assert profile.password == other.password
    assert profile.builder_id != other.builder_id


def test_labour_cost_counts_overtime_once_and_a_half_and_rounds_half_up() -> None:
    shift = next(shift for shift in shifts() if shift.time_out)
    fields = {name: getattr(shift, name) for name in Shift.__dataclass_fields__}
    cost = labour_cost_cents(Shift(**{**fields, "rate_cents": 4200, "regular_minutes": 480, "overtime_minutes": 60}))
    assert cost == 33_600 + 6_300
    half = labour_cost_cents(Shift(**{**fields, "rate_cents": 3001, "regular_minutes": 30, "overtime_minutes": 0}))
    assert half == 1501


@pytest.mark.parametrize("day", [date(2026, 12, 25), date(2026, 7, 4), date(2026, 11, 26), date(2026, 6, 14)])
def test_holidays_and_sundays_are_no_work_days(day: date) -> None:
    assert not is_work_day(seeded("x"), day)


def test_season_is_highest_in_june_and_lowest_in_december() -> None:
    assert season(date(2026, 6, 21)) > 0.99
    assert season(date(2026, 12, 21)) < 0.01


@cache
def service_company() -> Tables:
    return generate(Plan(7, 281, 5861, ANCHOR, "America/Denver", kind="service", years=5))


def test_default_company_has_many_general_shifts_and_more_of_jobs() -> None:
    assert 0.25 < sum(shift.job_id == 0 for shift in shifts()) / len(shifts()) < 0.4


def test_company_of_mostly_general_time_looks_like_the_captured_one() -> None:
    tables = service_company()
    made = list(tables.shifts.values())
    assert 0.65 < sum(shift.job_id == 0 for shift in made) / len(made) < 0.8
    assert 0.2 < sum(shift.is_flat_rate for shift in made) / len(made) < 0.3
    assert len(tables.cost_codes) < 16
    assert 140 < len({line.job_id for line in tables.budget_lines.values()}) < 180
    assert 35 < len({line.job_id for line in tables.worksheet_lines.values()}) < 75


def test_history_goes_back_as_many_years_as_asked_for() -> None:
    first = min(shift.time_in for shift in service_company().shifts.values())
    assert "2020-06" < first < "2022-06"


def test_parts_of_several_codes_are_whole_minutes_that_add_up() -> None:
    split = [shift for shift in shifts() if len(shift.cost_code_ids) + shift.is_flat_rate > 1 and shift.time_out]
    assert split
    for shift in split:
        parts = [(part * 60 + 5_000) // 10_000 for part in shift.code_ten_thousandths]
        assert sum(parts) == shift.worked_minutes


def test_approved_shifts_say_when() -> None:
    assert all((shift.approved_at is not None) is shift.is_approved for shift in shifts())
    assert all(shift.approved_at > shift.time_in for shift in shifts() if shift.approved_at is not None)
