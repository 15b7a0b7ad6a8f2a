"""What needs attention, as the page says it over a real database and real dead letters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from core.dead_letters.letter import Headers, receipt_headers
from core.kafka.config import producer_config
from core.topics import DEAD_LETTERS, entity_key, partition_for
from tests.integration.console.fix_console import Site
from tests.integration.console.test_process import eventually

CALM = "Nothing needs attention."


@pytest.fixture
def company_id(site: Site) -> str:
    """A company that was read completely a moment ago, with one shift that is stored and linked."""
    made = site.company(
        state="connected", builder_id="1", initial_done_at="2026-06-17T18:00:00Z", next_due_at="2100-01-01"
    )
    for entity in ("jobs", "users", "cost-codes", "budgets", "time-entries"):
        site.run(
            "INSERT INTO integration.entity_reads (company_id, entity, complete_through, run_id)"
            " VALUES (%s, %s, now(), gen_random_uuid())",
            made,
            entity,
        )
    add_shift(site, made, "1")
    return made


def add_shift(site: Site, company_id: str, shift_id: str, **columns: object) -> None:
    """A stored shift of two days ago that lasted an hour, and what is known of it as published."""
    values = {
        "link_status": "linked",
        "started_at": "2026-06-15T15:00:00Z",
        "ended_at": "2026-06-15T16:00:00Z",
        "work_date": "2026-06-15",
        "total_minutes": 60,
        "updated_at": "2026-06-16T00:00:00Z",
        **columns,
    }
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    site.run(
        f"INSERT INTO protiv.time_entries (company_id, time_entry_id, version, observed_at, source_generation,"
        f" source_offset, {names}) VALUES (%s, %s, 1, now(), 1, 0, {marks})",
        company_id,
        shift_id,
        *values.values(),
    )
    site.run(
        "INSERT INTO integration.source_state (company_id, entity, entity_id, fingerprint, version, minutes)"
        " VALUES (%s, 'time-entries', %s, '', 5, 60)",
        company_id,
        shift_id,
    )


@contextmanager
def following(site: Site) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=site.services.refused.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def put_letter(site: Site, company_id: str, headers: Headers) -> int:
    """Write to the topic of dead letters under the key of shift 1; the offset."""
    offsets: list[int] = []
    producer = Producer(producer_config(site.settings))
    producer.produce(
        DEAD_LETTERS,
        key=entity_key(company_id, "1"),
        value=b"x",
        headers=headers,
        partition=partition_for(company_id, site.settings.entity_partitions),
        on_delivery=lambda _error, message: offsets.append(message.offset() or 0),
    )
    assert producer.flush(20) == 0
    return offsets[0]


def refused(version: int) -> Headers:
    topic = ("dead-letter-topic", b"buildertrend.time-entries")
    return [("version", str(version).encode()), topic, ("dead-letter-stage", b"streams")]


def page(site: Site, company_id: str) -> str:
    site.services.snapshots.forget(company_id)
    answer = site.signed_in("operator").get(f"/c/{company_id}/buildertrend")
    assert answer.status_code == 200
    return answer.text


def test_page_is_calm_until_a_record_is_refused_and_again_once_it_is_put_through(site: Site, company_id: str) -> None:
    assert "not known right now" in page(site, company_id)
    with following(site):
        eventually(lambda: CALM in page(site, company_id), "the page says so")
        put_letter(site, company_id, refused(version=4))
        put_letter(site, company_id, [("dead-letter-replayed", b"soon")])
        offset = put_letter(site, company_id, refused(version=5))
        eventually(lambda: "1 time entry was refused" in page(site, company_id), "the page says so")
        assert CALM not in page(site, company_id)
        put_letter(site, company_id, receipt_headers(offset, outcome="done", at=datetime.now(UTC)))
        eventually(lambda: CALM in page(site, company_id), "the page says so")


def test_page_names_a_shift_that_has_had_no_end_for_days(site: Site, company_id: str) -> None:
    add_shift(site, company_id, "2", ended_at=None, total_minutes=None, user_name="José Núñez")
    told = page(site, company_id)
    assert "1 shift has had no end for more than 16 hours" in told
    assert CALM not in told
    listed = site.signed_in("operator").get(f"/c/{company_id}/buildertrend/waiting?status=open").text
    assert "José Núñez" in listed
    assert listed.count("/find/time-entries/") == 1


def test_page_drops_no_group_of_shifts_that_are_not_linked(site: Site, company_id: str) -> None:
    for number in range(20):
        shift = {"link_status": "waiting-for-job", "job_id": str(number), "job_name": f"Job {number}"}
        add_shift(site, company_id, f"w{number}", **shift, total_minutes=60 + number)
    add_shift(site, company_id, "u", link_status="uncoded", total_minutes=30)
    told = page(site, company_id)
    assert "on 9 more shifts are not linked, for 9 other reasons" in told
    everything = site.signed_in("operator").get(f"/c/{company_id}/buildertrend/waiting").text
    assert everything.count("/find/time-entries/") == 21


def test_page_names_a_shift_whose_update_was_refused_and_lists_it_with_the_reason(site: Site, company_id: str) -> None:
    detail = "stale: refused update: The shift ends before it starts."
    add_shift(site, company_id, "2", user_name="José Núñez", link_detail=detail)
    assert "1 shift is stored as it was before an update that was refused" in page(site, company_id)
    listed = site.signed_in("operator").get(f"/c/{company_id}/buildertrend/waiting?status=stale").text
    assert detail in listed
    assert listed.count("/find/time-entries/") == 1
