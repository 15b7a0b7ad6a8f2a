"""One odd row, or one record that Kafka does not take, is one dead letter; all others of its page arrive."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from control.runs import NewRun
from core.dead_letters.letter import REPLAYED
from core.topics import DEAD_LETTERS
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.time_entries import Days, TimeEntriesRead
from producers.runs.execute import execute
from producers.runs.messages import Message
from producers.runs.run import Assignment, Run, RunServices
from schemas.batch_codec import BatchEncoder
from schemas.faults import SOURCE_CHANGED
from schemas.topics import RAW_TOPICS
from tests.factories import shift_on
from tests.fakes import FakeClock, MemoryEvents, MemoryPublisher, MemorySchemas
from tests.memory_ledger import CompanyMemory
from tests.unit.producers.fix_account import MemoryAccount

_SCHEMAS = MemorySchemas()
ENCODERS = {topic: BatchEncoder(topic, _SCHEMAS) for topic in RAW_TOPICS}
SHIFTS = "buildertrend.time-entries"


@dataclass(slots=True)
class Company:
    """One company whose shifts are read whole, again and again."""

    account: MemoryAccount = field(default_factory=lambda: MemoryAccount(page_size=200))
    memory: CompanyMemory = field(default_factory=lambda: CompanyMemory("c1"))
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    clock: FakeClock = field(default_factory=FakeClock)

    def read(self) -> Run:
        ledger = self.memory.begin(NewRun("full", {}), self.clock.now())
        run = Run(
            Assignment(ledger.run, "America/Denver", "CREATE", whole=True),
            RunServices(ledger, self.publisher, MemoryEvents(), ENCODERS, self.clock, _at_once),
        )
        execute(run, [TimeEntriesRead(self.account.as_account(), Days())])
        self.memory.finish("completed")
        return run

    def ids(self) -> set[str]:
        """Of shifts that were published and not deleted."""
        last = {m.key: m.value for m in self.publisher.messages if m.topic == SHIFTS}
        return {key.decode().partition("/")[2] for key, value in last.items() if value is not None}

    def letters(self) -> dict[int, Message]:
        """The open ones by their offset."""
        found: dict[int, Message] = {}
        for offset, message in enumerate(m for m in self.publisher.messages if m.topic == DEAD_LETTERS):
            done = dict(message.headers).get(REPLAYED)
            if done is None:
                found[offset] = message
            else:
                assert found.pop(int(done)).key == message.key
        return found


def _at_once(work: Any) -> Any:
    work()
    return lambda: None


def company_of(*odd: dict[str, Any]) -> Company:
    rows = [shift_on("2026-06-12", number) for number in range(1, 200)]
    return Company(MemoryAccount(shift_rows=[*rows, *odd], page_size=500))


def headers_of(letter: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in letter.headers}


def test_one_odd_row_is_a_dead_letter_once_and_the_others_arrive() -> None:
    company = company_of(shift_on("2026-06-12", 777, regularTime=7.5, location={"latitude": 1}))
    run = company.read()
    assert company.ids() == {str(number) for number in range(1, 200)}
    (letter,) = company.letters().values()
    assert letter.key == b"c1/777"
    stated = headers_of(letter)
    assert (stated["dead-letter-stage"], stated["dead-letter-topic"]) == ("poller", SHIFTS)
    assert "regularTime" in stated["dead-letter-reason"]
    assert json.loads(letter.value or b"")["regularTime"] == 7.5
    assert b"latitude" not in (letter.value or b"")
    assert run.counts["time-entries"]["dead_lettered"] == 1
    company.read()
    assert len(company.letters()) == 1


def test_odd_row_that_is_understood_later_arrives_and_its_letter_is_done_with() -> None:
    company = company_of(shift_on("2026-06-12", 777, regularTime=7.5))
    company.read()
    company.account.shift_rows[-1] = shift_on("2026-06-12", 777)
    company.read()
    assert "777" in company.ids()
    assert company.letters() == {}
    assert company.memory.refused["time-entries"] == {}


def test_odd_row_that_is_odd_in_another_way_is_one_letter_still() -> None:
    company = company_of(shift_on("2026-06-12", 777, regularTime=7.5))
    company.read()
    company.account.shift_rows[-1] = shift_on("2026-06-12", 777, regularTime="soon")
    company.read()
    (letter,) = company.letters().values()
    assert b"soon" in (letter.value or b"")


def test_row_that_becomes_odd_is_neither_deleted_nor_overwritten() -> None:
    company = company_of(shift_on("2026-06-12", 777))
    company.read()
    company.account.shift_rows[-1] = shift_on("2026-06-12", 777, regularTime=2**70)
    run = company.read()
    assert "777" in company.ids()
    assert run.counts["time-entries"]["deleted"] == 0
    assert len(company.letters()) == 1


def test_odd_row_that_is_gone_from_the_source_is_done_with() -> None:
    company = company_of(shift_on("2026-06-12", 777, regularTime=7.5))
    company.read()
    del company.account.shift_rows[-1]
    company.read()
    assert company.letters() == {}


def test_row_without_an_id_is_a_letter_and_nothing_is_deleted_beside_it() -> None:
    company = company_of()
    company.read()
    company.account.shift_rows[-1] = shift_on("2026-06-12", 199) | {"id": None}
    run = company.read()
    assert len(company.ids()) == 199
    assert len(company.letters()) == 1
    assert "no id" in run.incomplete["time-entries"]


def test_field_that_no_row_of_a_page_has_is_a_change_of_the_source() -> None:
    rows = [shift_on("2026-06-12", number) for number in range(1, 20)]
    for row in rows:
        row["normalTime"] = row.pop("regularTime")
    company = Company(MemoryAccount(shift_rows=rows, page_size=50))
    with pytest.raises(SourceFaultError, match="regularTime") as caught:
        company.read()
    assert caught.value.fault is SOURCE_CHANGED
    assert company.publisher.messages == []


def test_row_with_an_unknown_field_of_megabytes_arrives_with_its_hours() -> None:
    company = company_of(shift_on("2026-06-12", 777, novel="x" * 1_500_000))
    company.read()
    assert len(company.ids()) == 200
    assert company.letters() == {}
    assert max(len(message.value or b"") for message in company.publisher.messages) < 100_000


def test_record_that_kafka_refuses_is_a_dead_letter_once_and_the_others_arrive() -> None:
    company = company_of()
    company.publisher.refuses = lambda message: message.key == b"c1/7" and message.topic == SHIFTS
    for _ in range(2):
        company.read()
        assert company.ids() == {str(number) for number in range(1, 200)} - {"7"}
        (letter,) = company.letters().values()
        assert (letter.key, headers_of(letter)["dead-letter-stage"]) == (b"c1/7", "poller")
    company.publisher.refuses = lambda _: False
    company.account.shift_rows[6] = shift_on("2026-06-12", 7, notes="shorter")
    company.read()
    assert "7" in company.ids()
    assert company.letters() == {}
