"""What the status reads: every table that it speaks of, for one company and for many."""

from __future__ import annotations

from datetime import UTC, datetime

from control.database import Transaction
from reports.company_status import CompanyStatus
from reports.status import MOST_COUNTED, read_status
from schemas.entities import ENTITIES
from tests.integration.reports.fix_records import AT, Company


def status_of(company: Company, tx: Transaction) -> CompanyStatus:
    (found,) = read_status(
        tx, now=datetime.now(UTC), poll_interval_s=7200, full_sync_interval_s=86_400, company_ids=[company.company_id]
    )
    return found


def test_status_of_a_connection_that_was_never_read_is_pending(company: Company, reading: Transaction) -> None:
    company.connect()
    found = status_of(company, reading)
    assert found.state == "pending"
    assert [one.entity for one in found.entities] == [one.name for one in ENTITIES]
    assert [one.facts.published for one in found.entities] == [0] * 5


def test_status_counts_what_is_published_stored_and_held(company: Company, reading: Transaction) -> None:
    company.connect()
    run_id = company.run()
    for entity in ENTITIES:
        company.complete(run_id, entity.name)
    company.source("1", company.version(1))
    company.source("2", company.version(2))
    company.row("1", company.version(1))
    company.row("3", company.version(3), deleted_at=AT)
    company.hold(run_id, "2")
    company.hold(run_id, "9", released_at=AT, released_by="ana")
    found = status_of(company, reading)
    shifts = next(one for one in found.entities if one.entity == "time-entries")
    assert (shifts.facts.published, shifts.facts.stored, shifts.facts.held) == (2, 1, 1)
    assert (shifts.state, found.state) == ("held", "held")
    assert found.complete_through == AT
    assert "release-deletions" in found.to_do.command


def test_status_says_which_facts_answers_contradicted_and_how_often(company: Company, reading: Transaction) -> None:
    company.connect()
    day = datetime(2026, 6, 1, tzinfo=UTC)
    for at in (day, AT):
        company.sql(
            "INSERT INTO integration.evidence AS e VALUES (%(company)s, 'T5', 600, 1, %(at)s, %(at)s),"
            " (%(company)s, 'T8', 9, 0, NULL, NULL) ON CONFLICT (company_id, fact) DO UPDATE SET held = e.held + 600,"
            " contradicted = e.contradicted + 2",
            at=at,
        )
    (found,) = status_of(company, reading).facts.contradicted
    assert found.sentence == (
        "T5 (the minutes of a shift's cost codes add up to its hours): not so in 3 of 1,203 cases since 2026-06-01."
    )


def test_status_shows_a_run_under_way_with_its_pages(company: Company, reading: Transaction) -> None:
    company.connect(lease_expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    run_id = company.run(state="running")
    company.sql(
        "INSERT INTO integration.read_checkpoints (run_id, entity, began_at, pages_done, pages_total)"
        " VALUES (%(run_id)s, 'time-entries', now(), 3, 12)",
        run_id=run_id,
    )
    found = status_of(company, reading)
    shifts = next(one for one in found.entities if one.entity == "time-entries")
    assert (found.state, shifts.state, shifts.pages_done, shifts.pages_total) == ("syncing", "syncing", 3, 12)
    assert found.facts.running is not None
    assert found.facts.running.run_id == run_id


def test_status_shows_commands_that_wait(company: Company, reading: Transaction) -> None:
    company.connect()
    company.sql(
        "INSERT INTO integration.commands (command_id, company_id, type, body, state) VALUES (gen_random_uuid(),"
        """ %(company)s, 'sync', '{"requested_by": "cli:ana", "entities": ["jobs"]}', 'pending'),"""
        """ (gen_random_uuid(), %(company)s, 'sync', '{"requested_by": "x", "entities": []}', 'done')""",
    )
    found = status_of(company, reading)
    (command,) = found.facts.commands
    assert (command.requested_by, command.entities) == ("cli:ana", ["jobs"])
    assert found.state == "queued"


def test_status_of_many_leaves_the_counts_out(company: Company, reading: Transaction) -> None:
    for _ in range(MOST_COUNTED + 1):
        Company(company.settings, company.registry).connect()
    found = read_status(reading, now=datetime.now(UTC), poll_interval_s=7200, full_sync_interval_s=86_400)
    assert len(found) == MOST_COUNTED + 1
    assert {one.facts.published for company in found for one in company.entities} == {None}
    assert [one.company_id for one in found] == sorted(one.company_id for one in found)


def test_status_of_a_company_that_is_not_connected_is_none(reading: Transaction) -> None:
    assert (
        read_status(
            reading, now=datetime.now(UTC), poll_interval_s=7200, full_sync_interval_s=86_400, company_ids=["nobody"]
        )
        == []
    )


def test_status_counts_the_requests_of_the_companys_own_day(company: Company, reading: Transaction) -> None:
    company.connect(time_zone="Pacific/Auckland")
    for day, read, kind, requests in (
        ("(now() AT TIME ZONE 'Pacific/Auckland')::date", "glance", "shifts", 7),
        ("(now() AT TIME ZONE 'Pacific/Auckland')::date", "sign-in", "sign-in", 3),
        ("(now() AT TIME ZONE 'Pacific/Auckland')::date - 1", "glance", "shifts", 100),
    ):
        company.sql(
            f"INSERT INTO integration.requests VALUES (%(company)s, {day}, %(read)s, %(kind)s, %(requests)s)",
            read=read,
            kind=kind,
            requests=requests,
        )
    found = status_of(company, reading).facts.requests
    assert (found.total, found.by_read, found.by_kind) == (10, {"glance": 7, "sign-in": 3}, {"shifts": 7, "sign-in": 3})
