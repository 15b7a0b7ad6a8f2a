"""The four sides as they are read from the database and the topics."""

from __future__ import annotations

from datetime import date

from control.database import Transaction
from reports.lag import lag_behind
from reports.reconcile import reconcile
from reports.sides import Item, read_sides
from schemas.entities import ENTITIES, TIME_ENTRIES
from tests.integration.reports.fix_records import AT, CANONICAL, DAY, Company

# As factories.shift_row states it.
STATED = date(2026, 5, 20)


def test_sides_hold_what_exists_and_nothing_of_another_company(company: Company, reading: Transaction) -> None:
    company.run_seq = 1
    version = company.version(1)
    other = Company(company.settings, company.registry)
    for one in (company, other):
        one.run_seq = 1
        one.source("1", version, day=STATED, job="123", minutes=480)
        one.raw("1", version)
        one.canonical("1", version)
        one.row("1", version)
    company.raw("2", version + 1)
    company.raw("2", version + 2, op="DELETE")
    company.canonical("2", version + 2, deleted_at=1)
    company.row("2", version + 2, deleted_at=AT)
    company.raw("3", version + 3, value=b"no avro")
    found = read_sides(reading, company.settings, company.registry, company.company_id, TIME_ENTRIES)
    assert found.buildertrend == {"1": Item(version, STATED, "123", 480)}
    assert found.raw == {"1": Item(version, STATED, "123", 480)}
    assert found.canonical == {"1": Item(version, DAY, "123", 480)}
    assert found.table == {"1": Item(version, DAY, "123", 480)}


def test_sides_of_a_shift_that_states_no_minutes(company: Company, reading: Transaction) -> None:
    company.run_seq = 1
    company.raw("1", company.version(1), regularTime=None, overTime=None)
    company.raw("2", company.version(2), regularTime=None, overTime=30)
    found = read_sides(reading, company.settings, company.registry, company.company_id, TIME_ENTRIES)
    assert {entity_id: item.minutes for entity_id, item in found.raw.items()} == {"1": None, "2": 30}


def test_sides_of_every_entity_can_be_read(company: Company, reading: Transaction) -> None:
    for entity in ENTITIES:
        found = read_sides(reading, company.settings, company.registry, company.company_id, entity)
        assert reconcile(entity.name, found).agrees


def test_lag_counts_records_and_not_the_offsets_between_them(company: Company) -> None:
    first = company.canonical("1", 1)
    company.canonical("2", 2)
    where = (CANONICAL, company.partition)
    behind = lag_behind(company.settings, {where: first})
    assert behind.records >= 2
    assert behind.partitions == {company.partition: behind.records}
    assert behind.oldest_at is not None
    end = first + behind.records
    after = lag_behind(company.settings, {where: end})
    assert (after.records, after.oldest_at) == (0, None)
