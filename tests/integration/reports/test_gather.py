"""Evidence from the real database and topics, and what it leads to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from control.database import Transaction
from reports.dead_letters import dead_letters
from reports.evidence import UNREADABLE, Evidence
from reports.explain import explain
from reports.gather import Question, gather
from schemas.entities import ENTITIES, TIME_ENTRIES, Entity
from tests.integration.reports.fix_records import AT, CANONICAL, RAW, Company


def evidence(company: Company, tx: Transaction, entity_id: str = "9001") -> Evidence:
    asked = Question(company.company_id, TIME_ENTRIES, entity_id)
    return gather(tx, company.settings, company.registry, asked, at=datetime.now(UTC))


def test_gather_of_a_company_never_seen_is_all_nothing(company: Company, reading: Transaction) -> None:
    found = evidence(company, reading)
    assert (found.connection, found.last_read, found.raw, found.canonical, found.row) == (None,) * 5
    assert explain(found).conclusion.code == "not-connected"


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_gather_of_an_unknown_id_of_each_entity(company: Company, reading: Transaction, entity: Entity) -> None:
    company.connect()
    asked = Question(company.company_id, entity, "7:8")
    found = gather(reading, company.settings, company.registry, asked, at=datetime.now(UTC))
    assert explain(found).conclusion.code == "not-read-yet"


def test_gather_finds_a_record_at_every_stage(company: Company, reading: Transaction) -> None:
    company.connect()
    run_id = company.run()
    version = company.version(1)
    company.source("9001", version)
    company.complete(run_id)
    company.raw("9001", version - 1)
    offset = company.raw("9001", version, op="UPDATE")
    company.raw("9002", version + 1)
    place = company.canonical("9001", version + 1, link_status="uncoded", link_detail="No code.")
    company.row("9001", version + 1, link_status="uncoded")
    company.merged(place + 1)
    found = evidence(company, reading)
    assert found.last_read is not None
    assert (found.last_read.run_id, found.last_read.read) == (run_id, "full")
    assert found.raw is not None
    assert (found.raw.op, found.raw.version, found.raw.place.offset) == ("UPDATE", version, offset)
    assert found.canonical is not None
    assert (found.canonical.link_detail, found.canonical.refers_to) == ("No code.", {"job_id": "123"})
    assert (found.is_linked, found.is_stored) == (True, True)
    assert explain(found).conclusion.code == "uncoded"


def test_gather_finds_the_run_of_a_version_written_in_a_later_attempt(company: Company, reading: Transaction) -> None:
    company.connect()
    company.run_seq = 4
    run_id = company.run(first_seq=3)
    company.source("9001", (4 << 24) | 7)
    found = evidence(company, reading).last_read
    assert found is not None
    assert found.run_id == run_id


def test_gather_of_a_deletion_knows_it_from_its_tombstone(company: Company, reading: Transaction) -> None:
    company.connect()
    run_id = company.run()
    company.complete(run_id)
    company.raw("9001", company.version(1))
    company.raw("9001", company.version(2), op="DELETE")
    place = company.canonical("9001", company.version(2), deleted_at=1)
    company.row("9001", company.version(2), deleted_at=AT)
    company.merged(place + 1)
    found = evidence(company, reading)
    assert found.raw is not None
    assert found.raw.op == "DELETE"
    assert explain(found).conclusion.code == "deleted"


def test_gather_of_a_record_nobody_can_decode_with_its_dead_letter(company: Company, reading: Transaction) -> None:
    company.connect()
    company.run()
    version = company.version(1)
    company.source("9001", version)
    offset = company.raw("9001", version, value=b"no avro")
    company.dead_letter("9001", stage="streams", topic=RAW, offset=offset, version=version)
    company.dead_letter("9002", stage="streams", topic=RAW, offset=offset, version=version)
    found = evidence(company, reading)
    assert found.raw is not None
    assert found.raw.op == UNREADABLE
    assert [letter.entity_id for letter in found.letters] == ["9001"]
    assert explain(found).conclusion.code == "dead-letter-streams"


def test_gather_of_a_row_that_the_sink_refused(company: Company, reading: Transaction) -> None:
    company.connect()
    company.run()
    version = company.version(1)
    company.source("9001", version)
    company.raw("9001", version)
    place = company.canonical("9001", version)
    company.dead_letter("9001", stage="sink", topic=CANONICAL, offset=place, version=version)
    company.merged(place + 1)
    found = evidence(company, reading)
    assert explain(found).conclusion.code == "dead-letter-sink"
    company.row("9001", version)
    reading.rollback()
    assert evidence(company, reading).refused is None


def test_gather_of_a_held_deletion(company: Company, reading: Transaction) -> None:
    company.connect()
    run_id = company.run(state="held")
    company.source("9001", company.version(1))
    company.hold(run_id, "9001")
    company.hold(run_id, "9002")
    found = evidence(company, reading)
    assert found.held is not None
    assert found.held.together == 2
    assert explain(found).conclusion.code == "deletion-held"


def test_dead_letters_are_listed_for_a_company_alone(company: Company) -> None:
    other = Company(company.settings, company.registry)
    for one in (company, other):
        one.dead_letter("9001", stage="streams", topic=RAW, offset=4, version=7)
    (letter,) = dead_letters(company.settings, company.company_id)
    assert (letter.entity, letter.entity_id, letter.offset, letter.version) == ("time-entries", "9001", 4, 7)
    assert (letter.stage, letter.error_class, letter.reason) == ("streams", "bad-time", "The start is no time.")
    everybody = {letter.company_id for letter in dead_letters(company.settings)}
    assert everybody >= {company.company_id, other.company_id}
