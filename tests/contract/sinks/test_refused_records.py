"""One suite on both readers: what is refused is dead-lettered alone, and committed once that is delivered."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest

from core.dead_letters.letter import Headers
from core.errors import FatalError, RetriableError
from core.kafka.record_headers import RecordHeaders
from schemas.entities import JOBS, TIME_ENTRIES
from sinks.dead_letters import KafkaDeadLetters
from sinks.messages import TopicPartition
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import COMPANY, FakeMessage, headers, message, record, tombstone
from tests.unit.sinks.fakes import HandClock, PlayedProducer, report

AT = TopicPartition(TIME_ENTRIES.canonical_topic, 0)


def refused(sink: Sink) -> list[tuple[int, str]]:
    return [(each.message.offset() or 0, each.error.error_class) for each in sink.dead_letters.delivered]


def test_bytes_that_are_no_record_are_dead_lettered_alone(sink: Sink) -> None:
    good = [message(record(entity_id=str(n)), n) for n in range(20)]
    whole = good[7].value_ or b""
    bad = {7: whole[:-3], 8: whole + b"xx", 9: b"", 10: b"\x07junk", 11: whole[:5] + b"\xff" * 40}
    put = [FakeMessage(AT.topic, m.key_, bad.get(m.offset_, m.value_), m.offset_, 0, m.headers_) for m in good]
    written = sink.put(*put)
    assert refused(sink) == [(offset, "undecodable") for offset in bad]
    assert len(sink.table()) == 15
    assert written.rejected == {AT.topic: 5}
    assert sink.claim(AT).next_offset == 20


def test_bytes_behind_a_record_are_noticed(sink: Sink) -> None:
    good = message(record(entity_id="2"), 1)
    longer = FakeMessage(AT.topic, b"acme/1", (message(record(), 0).value_ or b"") + b"\0", 0, 0, headers(1, COMPANY))
    sink.put(longer, good)
    assert refused(sink) == [(0, "undecodable")]
    assert [row["time_entry_id"] for row in sink.table()] == ["2"]


def test_dead_letter_keeps_the_record_as_it_was_read(sink: Sink) -> None:
    bad = FakeMessage(AT.topic, b"acme/1", b"\0\0\0\0\5junk", 0, 0, headers(1, "acme"))
    sink.put(bad)
    (letter,) = sink.dead_letters.delivered
    assert letter.message is bad
    assert "decoded" in letter.error.reason


def test_key_of_another_record_is_dead_lettered(sink: Sink) -> None:
    foreign = message(record(entity_id="1"), 0)
    for offset, key in enumerate([b"other/1", b"acme/2", None, b"\xff"]):
        sink.put(FakeMessage(AT.topic, key, foreign.value_, offset, 0, foreign.headers_))
    sink.put(message(record(entity_id="9"), 4))
    assert refused(sink) == [(offset, "bad-key") for offset in range(4)]
    assert [row["time_entry_id"] for row in sink.table()] == ["9"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"notes": "a\0b"},
        {"tags": ["\0"]},
        {"labor_cost_micros": 2**63 - 1},
        {"link_status": "guessed"},
        {"link_status": None},
        {"started_at": None},
        {"work_date": None},
        {"observed_at": 2**62},
        {"started_at": -(2**62)},
        {"work_date": 2**31 - 1},
        {"work_date": 3_000_000},
        {"version": -1},
        {"observed_at": -(2**63)},
        {"started_at": 2**63 - 1},
        {"work_date": -(2**31)},
        {"time_entry_id": random.Random(1).randbytes(4000).hex()},
    ],
    ids="-".join,
)
def test_row_that_postgres_refuses_is_dead_lettered_alone(sink: Sink, wrong: dict[str, Any]) -> None:
    put = [message(record(entity_id=str(n)), n) for n in range(30)]
    put[17] = message(record(entity_id="17") | wrong, 17)
    sink.put(*put)
    assert [offset for offset, _ in refused(sink)] == [17]
    assert len(sink.table()) == 29


def test_refused_row_leaves_the_row_before_it(sink: Sink) -> None:
    sink.put(message(record(notes="good"), 0))
    sink.put(message(record(version=2, link_status="guessed"), 1))
    assert (sink.table()[0]["notes"], sink.table()[0]["version"]) == ("good", 1)


def test_reason_of_a_refusal_names_the_constraint_and_no_value(sink: Sink) -> None:
    sink.put(message(record(link_status="secret"), 0))
    reason = sink.dead_letters.delivered[0].error.reason
    assert "time_entries_link_status_check" in reason
    assert "secret" not in reason


def test_key_with_a_nul_in_a_tombstone_is_dead_lettered(sink: Sink) -> None:
    sink.put(tombstone("a\0b", 1, 0), tombstone("2", 1, 1))
    assert [offset for offset, _ in refused(sink)] == [0]
    assert [row["time_entry_id"] for row in sink.table()] == ["2"]


def test_refused_rows_of_many_companies_stop_before_any_is_delivered(sink: Sink) -> None:
    bad = [
        message(record(entity_id=str(n), company_id=f"company-{n % 10}", link_status="guessed"), n) for n in range(60)
    ]
    with pytest.raises(FatalError, match="this stops rather than dead-letter"):
        sink.put(*bad)
    assert sink.dead_letters.delivered == []
    assert sink.claim(AT).next_offset == 0


def test_450_rows_of_one_company_that_postgres_refuses_park_it_and_the_other_one_flows(sink: Sink) -> None:
    far = {"started_at": 2**62}
    sink.put(
        *(message(record(entity_id=str(n)) | far, n) for n in range(450)),
        message(record(entity_id="1", company_id="other"), 450),
    )
    sink.put(message(record(entity_id="900"), 451), message(record(entity_id="2", company_id="other"), 452))
    assert [(row["company_id"], row["time_entry_id"]) for row in sink.table()] == [("other", "1"), ("other", "2")]
    found = refused(sink)
    assert [offset for offset, _ in found] == [*range(450), 451]
    assert found[-1] == (451, "company-parked")


def test_later_run_of_a_parked_company_is_merged_and_what_waits_is_not(sink: Sink) -> None:
    sink.put(*(message(record(entity_id=str(n), link_status="guessed"), n) for n in range(60)))
    later: Headers = [*RecordHeaders(2, "run-2", COMPANY).encode()]
    sink.put(
        message(record(entity_id="70"), 60), dataclasses.replace(message(record(entity_id="71"), 61), headers_=later)
    )
    assert [row["time_entry_id"] for row in sink.table()] == ["71"]


def test_loops_of_a_process_count_together(sink: Sink) -> None:
    other_loop = Sink(sink.database_url, sink.kind, share=sink.share)
    sink.put(*(message(record(entity_id=str(n), link_status="guessed"), n) for n in range(60)))
    other_loop.put(message(record(JOBS, "1"), 0, entity=JOBS))
    assert other_loop.table("jobs") == []
    other_loop.close()


def test_offsets_and_rows_do_not_move_when_a_dead_letter_is_not_delivered(sink: Sink) -> None:
    sink.dead_letters.failures = [RetriableError("brokers away")]
    put = [message(record(entity_id="1"), 0), message(record(entity_id="2", link_status="guessed"), 1)]
    with pytest.raises(RetriableError):
        sink.put(*put)
    assert sink.table() == []
    assert rows(sink.database_url, "SELECT max(next_offset) AS at FROM protiv.sink_offsets") == [{"at": 0}]
    sink.put(*put)
    assert (len(sink.table()), refused(sink)) == (1, [(1, "refused-by-postgres")])


@pytest.mark.parametrize("brokers", [PlayedProducer(unsent=1), PlayedProducer(report("_MSG_TIMED_OUT"))])
def test_offsets_and_rows_wait_for_the_brokers_word_on_a_dead_letter(sink: Sink, brokers: PlayedProducer) -> None:
    sink.store._dead_letters = KafkaDeadLetters(brokers, HandClock())
    put = [message(record(entity_id="1"), 0), message(record(entity_id="2", link_status="guessed"), 1)]
    with pytest.raises(RetriableError):
        sink.put(*put)
    assert sink.table() == []
    assert rows(sink.database_url, "SELECT max(next_offset) AS at FROM protiv.sink_offsets") == [{"at": 0}]
    sink.store._dead_letters = KafkaDeadLetters(PlayedProducer(None), HandClock())
    sink.put(*put)
    assert [row["time_entry_id"] for row in sink.table()] == ["1"]
    assert sink.claim(AT).next_offset == 2


def test_record_of_another_topics_schema_is_dead_lettered(sink: Sink) -> None:
    job = message(record(JOBS), 0, entity=JOBS)
    sink.put(FakeMessage(AT.topic, job.key_, job.value_, 0, 0, job.headers_))
    assert refused(sink) == [(0, "wrong-schema")]


def test_record_of_an_unknown_schema_is_dead_lettered(sink: Sink) -> None:
    sink.put(FakeMessage(AT.topic, b"acme/1", b"\0\0\0\x03\xe7abc", 0, 0, headers(1, COMPANY)))
    assert refused(sink) == [(0, "unknown-schema")]
