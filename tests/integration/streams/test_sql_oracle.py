"""Random histories, delivered in any order with duplicates and replays, against one SQL query over the final raw state.

The query (`oracle.sql`) is written from the contract and runs in a real Postgres: nothing of our own code decides what
is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import Record
from schemas.entities import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, USERS, Entity
from streams.coding import FLAT_RATE
from streams.records import RawRecord
from tests.fix_stack import Stack
from tests.soak import rounds
from tests.unit.streams.factories import budget, cost_code, job, shift, user, worksheet_line
from tests.unit.streams.fakes import CODECS, Core
from tests.unit.streams.test_histories import delivery, written

HISTORIES = rounds(usual=300, soak=1_000)
ORACLE = (Path(__file__).parent / "oracle.sql").read_bytes()

IDS = st.integers(1, 3)
TITLES = st.sampled_from(["01.02 General Carpentry", "01.02 Framing", "02.3070. Site Work", "Übergabe", FLAT_RATE])
CODE_TITLES = st.sampled_from(["01.02 General Carpentry", "01.02 Framing", "02.3070. Site Work", "Übergabe"])
# Wall times that mean one instant: those that mean two, or none, have tests of their own.
HOURS = st.integers(4, 22)
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
DATES = st.sampled_from([None, "2026-05-20T00:00:00", "0001-01-01T00:00:00", "2055-01-01T00:00:00", "2026-02-28"])
SET_DATES = st.sampled_from([None, "2026-05-20T00:00:00", "2026-02-28T13:00:00"])
MONEY = st.one_of(st.none(), st.decimals(0, 10**7, places=2).map(lambda amount: f"${amount:,.2f}"))
AMOUNT = st.one_of(st.none(), st.decimals(-1000, 10**7, places=6).map(lambda amount: f"{amount:f}"))
MINUTES = st.one_of(st.none(), st.integers(0, 900))
NOTES = st.sampled_from(["", "late", "Ünïcödé 🏗", None])


@st.composite
def shifts(draw: st.DrawFn) -> tuple[Entity, Record]:
    start = f"{draw(DAYS)}T{draw(HOURS):02}:{draw(st.integers(0, 59)):02}:00"
    end = draw(st.sampled_from([None, "T23:10:00"]))
    wrapped = {
        "breakTime": draw(st.one_of(st.none(), MINUTES.map(lambda value: {"breakTime": value}))),
        "builderCost": draw(st.one_of(st.none(), AMOUNT.map(lambda value: {"value": value}))),
        "approvalStatus": draw(
            st.sampled_from(
                [None, {"isApproved": None, "updatedDate": None}, {"isApproved": True, "updatedDate": None}]
            )
        ),
    }
    titles = draw(st.lists(TITLES, max_size=3, unique=True))
    return TIME_ENTRIES, shift(
        draw(st.integers(1, 4)),
        start=start,
        end=None if end is None else start[:10] + end,
        titles=tuple(titles),
        jobId=draw(st.integers(0, 3)),
        userID=draw(IDS),
        jobName=draw(st.sampled_from(["Row job", None])),
        name=draw(st.sampled_from(["Row worker", None])),
        regularTime=draw(MINUTES),
        overTime=draw(MINUTES),
        doubleOverTime=draw(MINUTES),
        personalTimeOff=draw(MINUTES),
        rate=draw(MONEY),
        notes=draw(NOTES),
        tags=draw(st.lists(st.sampled_from(["a", "b"]), max_size=2)),
        **wrapped,
    )


@st.composite
def jobs(draw: st.DrawFn) -> tuple[Entity, Record]:
    return JOBS, job(
        draw(st.integers(0, 3)),
        jobName=draw(st.sampled_from(["Tighe Garage", "Elm St", ""])),
        status=draw(st.sampled_from([None, 0, 1, 2, 3, 4])),
        street=draw(st.sampled_from([None, "", "Elm St 1"])),
        dateOpened=draw(DATES),
        projectedStartDate=draw(SET_DATES),
        actualStartDate=draw(SET_DATES),
        projectedClosingDate=draw(SET_DATES),
    )


@st.composite
def users(draw: st.DrawFn) -> tuple[Entity, Record]:
    return USERS, user(
        draw(IDS),
        firstName=draw(st.sampled_from(["Ana", None])),
        lastName=draw(st.sampled_from(["Díaz", None])),
        name=draw(st.sampled_from(["A. Díaz", None])),
        isActive=draw(st.sampled_from([True, False, None])),
        defaultLaborCost=draw(MONEY),
    )


@st.composite
def budgets(draw: st.DrawFn) -> tuple[Entity, Record]:
    quantities = st.one_of(st.none(), st.sampled_from(["8", "0.3333", "1.25", "40"]))
    lines = st.builds(worksheet_line, quantities, st.sampled_from(["HR", "EA"]), st.sampled_from([10, 5, None]))
    return BUDGETS, budget(
        draw(IDS),
        draw(IDS),
        title=draw(st.sampled_from(["Row title", ""])),
        originalBudgetCosts=draw(AMOUNT),
        revisedBudgetCosts=draw(AMOUNT),
        worksheetLines=draw(st.lists(lines, max_size=3)),
    )


CODES = st.builds(
    lambda code, title, active: (COST_CODES, cost_code(code, title, isActive=active)),
    IDS,
    CODE_TITLES,
    st.sampled_from([True, False, None]),
)
ANY = st.lists(
    st.tuples(st.one_of(jobs(), users(), CODES, budgets(), shifts(), shifts()), st.booleans()), min_size=1, max_size=30
)
# What random steps bring about too seldom: a shift with all its parents, one of them, or none, twice.
TITLE = "02.3070. Site Work"
FAMILY = [(JOBS, job(1)), (USERS, user(1)), (TIME_ENTRIES, shift(1, titles=(TITLE,)))]
BEGINNINGS = st.sampled_from(
    [[], FAMILY, *([*FAMILY, *((COST_CODES, cost_code(n, TITLE)) for n in ids)] for ids in ([1], [1, 2]))]
)
STEPS = st.builds(lambda first, steps: [*((each, False) for each in first), *steps], BEGINNINGS, ANY)


@pytest.fixture(scope="module")
def postgres(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.settings.database_url.get_secret_value(), autocommit=True) as connection:
        yield connection


def test_histories_end_in_what_one_query_over_the_raw_state_says(postgres: psycopg.Connection[Any]) -> None:
    seen: set[str] = set()

    @given(STEPS, st.data())
    @settings(max_examples=HISTORIES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def one_history(steps: list[tuple[tuple[Entity, Record], bool]], data: st.DataObject) -> None:
        log = with_repetitions(written(steps)[0], data)
        core = Core()
        for batch in cut(delivery(log, data), data):
            core.take(*batch)
        versions = [each.headers.version for each in core.published]
        assert versions == sorted(versions)
        expected = answered(postgres, log)
        assert {place: told(row) for place, row in core.table().items()} == {
            place: record for place, (_, record) in expected.items()
        }
        for place, (version, _) in expected.items():
            assert core.table()[place]["version"] >= version
        seen.update(str(record.get("link_status")) for _, record in expected.values())

    one_history()
    # Histories that never got anywhere near a rule would prove nothing of it.
    assert seen == {
        "None",
        "linked",
        "general",
        "uncoded",
        "several-codes",
        "ambiguous-code",
        "waiting-for-job",
        "waiting-for-user",
        "waiting-for-cost-code",
    }


def with_repetitions(log: list[RawRecord], data: st.DataObject) -> list[RawRecord]:
    """The log with some of its records written once more behind it, at offsets of their own."""
    again = data.draw(st.lists(st.sampled_from(log), max_size=4))
    ends = {raw.entity: raw.offset + 1 for raw in log}
    for raw in again:
        log = [*log, replace(raw, offset=ends[raw.entity])]
        ends[raw.entity] += 1
    return log


def cut(order: list[RawRecord], data: st.DataObject) -> Iterator[list[RawRecord]]:
    size = data.draw(st.integers(1, 8))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def answered(
    postgres: psycopg.Connection[Any], log: list[RawRecord]
) -> dict[tuple[str, str], tuple[int, dict[str, Any]]]:
    """The query's answer: raw version and canonical record of every entity that is not deleted."""
    rows = [
        {
            "topic": raw.entity.name,
            "id": (raw.key or b"").decode().partition("/")[2],
            "version": int(dict(raw.headers)["version"] or 0),
            "offset": raw.offset,
            "value": None if raw.value is None else CODECS.decode[raw.entity.name].one_by_one(raw.value),
        }
        for raw in log
    ]
    found = postgres.execute(ORACLE, {"log": json.dumps(rows)}, prepare=True).fetchall()
    return {(topic, f"acme/{id_}"): (version, record) for topic, id_, version, record in found}


def told(row: Record) -> dict[str, Any]:
    """A canonical record as the query returns it."""
    return {name: value for name, value in row.items() if name not in ("company_id", "version")}
