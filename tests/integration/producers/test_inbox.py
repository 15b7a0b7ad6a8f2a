"""The inbox on the real topic: each command is kept once, refused with the field, or put aside byte for byte."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from control.commands import OpenCommand, open_commands
from control.connections import PASSWORD, NewConnection, save_connection
from control.database import Database
from control.vault import Sealer
from core.clock import SystemClock
from core.errors import RetriableError
from core.kafka.config import producer_config
from core.settings import Settings
from core.topics import DEAD_LETTERS, SYNC_COMMANDS
from producers.commands.answer_publisher import AnswerPublisher
from producers.commands.inbox import Inbox
from producers.commands.intake import Intake
from schemas.codec import Decoder, SchemaSource, encoder
from tests import factories
from tests.fakes import MemoryAnswerTopic, MemoryEvents
from tests.fix_stack import Stack
from tests.integration.producers.fix_topics import committed, eventually, of_company, send_command, send_raw
from tests.other_company import OtherCompany
from tests.soak import rounds


@dataclass(slots=True)
class Desk:
    inbox: Inbox
    database: Database
    stack: Stack
    settings: Settings
    company_id: str
    events: MemoryEvents = field(default_factory=MemoryEvents)
    answer_topic: MemoryAnswerTopic = field(init=False)

    def __post_init__(self) -> None:
        self.answer_topic = MemoryAnswerTopic(self.events)

    def publish_answers(self) -> None:
        """Publish the stored answers, as a poller does."""
        with closing(
            AnswerPublisher(self.settings.database_url.get_secret_value(), lambda: self.answer_topic, SystemClock())
        ) as publisher:
            publisher.turn()

    def send(self, **changes: Any) -> str:
        body = factories.command_body(company_id=self.company_id, **changes)
        send_command(self.settings, self.stack.registry, body)
        return str(body["command_id"])

    def open(self) -> list[OpenCommand]:
        with self.database.transaction() as tx:
            return open_commands(tx, self.company_id)

    def said(self, command_id: str) -> list[str]:
        return [event.type for event in self.events.written if event.command_id == command_id]

    def take_until_said(self, command_id: str) -> list[str]:
        def done() -> bool:
            self.inbox.take()
            self.publish_answers()
            return bool(self.said(command_id))

        eventually(done, what="the answer to a command")
        return self.said(command_id)

    def dead_letters(self) -> list[Any]:
        return of_company(committed(self.settings, DEAD_LETTERS), self.company_id)


@pytest.fixture
def desk(stack: Stack, own_database: Settings) -> Iterator[Desk]:
    database = Database(own_database, max_connections=2)
    database.open()
    company_id = factories.company_id()
    sealed = Sealer.from_settings(own_database).seal(b"pw", company_id=company_id, kind=PASSWORD)
    with database.transaction() as tx:
        save_connection(tx, NewConnection(company_id, "ana", "America/Denver", None), sealed)
    events = MemoryEvents()
    inbox = Inbox(own_database, source=stack.registry, database=database, events=events)
    yield Desk(inbox, database, stack, own_database, company_id, events)
    inbox.close()
    database.close()


def test_take_command_is_kept_and_accepted(desk: Desk) -> None:
    command_id = desk.send(entities=["jobs"])
    assert desk.take_until_said(command_id) == ["accepted"]
    (kept,) = desk.open()
    assert (kept.command_id, kept.type, kept.body["entities"]) == (command_id, "sync", ["jobs"])


def test_take_same_id_twice_is_kept_and_accepted_once(desk: Desk) -> None:
    command_id = desk.send()
    desk.send(command_id=command_id)
    desk.send(command_id=command_id.upper())
    last = desk.send()
    desk.take_until_said(last)
    assert desk.said(command_id) == ["accepted"]
    assert [command.command_id for command in desk.open()] == [command_id, last]


def test_take_commands_are_kept_in_the_order_they_were_sent(desk: Desk) -> None:
    ids = [desk.send() for _ in range(5)]
    desk.take_until_said(ids[-1])
    assert [command.command_id for command in desk.open()] == ids


@pytest.mark.parametrize("changes", [{"type": "dance"}, {"entities": ["invoices"]}, {"requested_by": "nul \x00 in it"}])
def test_take_wrong_command_is_rejected_and_not_to_be_done(desk: Desk, changes: dict[str, Any]) -> None:
    command_id = desk.send(**changes)
    assert desk.take_until_said(command_id) == ["rejected"]
    (rejected,) = desk.events.of_type("rejected")
    assert str(rejected.message).startswith(next(iter(changes)))
    assert desk.open() == []


@pytest.mark.parametrize("unknown", ["nobody", "nul \x00 in it"])
def test_take_command_for_an_unknown_company_is_rejected(desk: Desk, unknown: str) -> None:
    body = factories.command_body(company_id=unknown)
    send_command(desk.settings, desk.stack.registry, body)
    assert desk.take_until_said(str(body["command_id"])) == ["rejected"]


@pytest.mark.parametrize("value", [None, b"", b"plain text", b"\x00\x00\x00\xff\xffx", b"\x00\x00\x00\x00\x01garbage"])
def test_take_undecodable_command_is_put_aside_byte_for_byte_and_the_next_flows(
    desk: Desk, value: bytes | None
) -> None:
    send_raw(desk.settings, key=desk.company_id.encode(), value=value)
    command_id = desk.send()
    assert desk.take_until_said(command_id) == ["accepted"]
    (letter,) = desk.dead_letters()
    assert (letter.key(), letter.value()) == (desk.company_id.encode(), value or None if value is None else value)
    headers = dict(letter.headers())
    assert headers["dead-letter-topic"] == SYNC_COMMANDS.encode()
    assert headers["dead-letter-stage"] == b"poller"


def test_take_undecodable_command_as_big_as_the_topic_takes_is_put_aside(desk: Desk) -> None:
    """With our headers it is bigger than it was: it must not stop the inbox for ever."""
    producer = Producer(producer_config(desk.settings) | {"compression.type": "none", "message.max.bytes": 2_000_000})
    value = b"x" * 1_048_000
    failures: list[object] = []
    producer.produce(
        SYNC_COMMANDS, key=desk.company_id.encode(), value=value, on_delivery=lambda error, _: failures.append(error)
    )
    assert producer.flush(30) == 0
    assert failures == [None]
    command_id = desk.send()
    assert desk.take_until_said(command_id) == ["accepted"]
    (letter,) = desk.dead_letters()
    assert letter.value() == value


@pytest.fixture
def neighbour(desk: Desk) -> Desk:
    """Another company of the same poller."""
    company_id = factories.company_id()
    sealed = Sealer.from_settings(desk.settings).seal(b"pw", company_id=company_id, kind=PASSWORD)
    with desk.database.transaction() as tx:
        save_connection(tx, NewConnection(company_id, "bea", "America/Denver", None), sealed)
    return Desk(desk.inbox, desk.database, desk.stack, desk.settings, company_id, desk.events)


OVER_THE_LIMITS: dict[str, dict[str, Any]] = {
    "company of 3,000 characters": {"company_id": "x" * 3_000},
    "days that no calendar has": {"type": "backfill", "from_date": 2_147_483_647, "dry_run": True},
    "a calendar date as days": {"type": "backfill", "from_date": 20_260_101},
    "a long reason": {"type": "pause", "reason": "x" * 501},
    "a long requester": {"requested_by": "x" * 60_000},
    "a long type": {"type": "x" * 60_000},
    "an hour that no clock has": {"requested_at": 2**62},
}


@pytest.mark.parametrize("changes", OVER_THE_LIMITS.values(), ids=OVER_THE_LIMITS.keys())
def test_take_command_over_a_limit_is_rejected_and_the_neighbour_is_answered(
    desk: Desk, neighbour: Desk, other_company: OtherCompany, changes: dict[str, Any]
) -> None:
    body = factories.command_body(**({"company_id": desk.company_id} | changes))
    send_command(desk.settings, desk.stack.registry, body)
    command_id = neighbour.send()
    with other_company.is_served():
        assert neighbour.take_until_said(command_id) == ["accepted"]
    assert desk.take_until_said(str(body["command_id"])) == ["rejected"]
    (rejected,) = [event for event in desk.events.written if event.command_id == body["command_id"]]
    assert next(iter(changes.keys() - {"type", "dry_run"}), "type") in str(rejected.message)
    assert len(str(rejected.message)) < 400
    assert desk.open() == []


PUT_ASIDE: dict[str, dict[str, Any]] = {
    "id of 1.8 MB": {"command_id": "x" * 1_800_000},
    "id of 201 characters": {"command_id": "x" * 201},
    "reason of 70,000 characters": {"reason": "r" * 70_000},
}


@pytest.mark.parametrize("changes", PUT_ASIDE.values(), ids=PUT_ASIDE.keys())
def test_take_command_that_is_too_big_is_put_aside_and_answered_and_the_neighbour_too(
    desk: Desk, neighbour: Desk, other_company: OtherCompany, changes: dict[str, Any]
) -> None:
    body = factories.command_body(company_id=desk.company_id, **changes)
    send_command(desk.settings, desk.stack.registry, body)
    command_id = neighbour.send()
    with other_company.is_served():
        assert neighbour.take_until_said(command_id) == ["accepted"]
    (letter,) = desk.dead_letters()
    assert dict(letter.headers())["dead-letter-error-class"] == b"too-long"
    rejected = [event for event in desk.events.of_type("rejected") if event.company_id == desk.company_id]
    assert [event.command_id for event in rejected] == [body["command_id"] if "reason" in changes else None]
    assert len(str(rejected[0].message)) < 400


def test_take_json_of_3_mb_is_put_aside_cut_and_answered_and_the_neighbour_too(
    desk: Desk, neighbour: Desk, other_company: OtherCompany
) -> None:
    """It came compressed; its dead letter must fit without."""
    command_id = str(uuid4())
    value = json.dumps({"command_id": command_id, "type": "sync", "more": "0123456789" * 300_000}).encode()
    producer = Producer(producer_config(desk.settings) | {"message.max.bytes": 10_000_000})
    producer.produce(SYNC_COMMANDS, key=desk.company_id.encode(), value=value)
    assert producer.flush(30) == 0
    after = neighbour.send()
    with other_company.is_served():
        assert neighbour.take_until_said(after) == ["accepted"]
    assert desk.take_until_said(command_id) == ["rejected"]
    (letter,) = desk.dead_letters()
    headers = dict(letter.headers())
    assert (headers["dead-letter-cut"], headers["dead-letter-value-bytes"]) == (b"value", str(len(value)).encode())
    assert headers["dead-letter-value-sha256"] == hashlib.sha256(value).hexdigest().encode()
    assert value.startswith(letter.value())


def test_take_command_that_fails_in_an_unforeseen_way_is_put_aside_after_three_tries(
    desk: Desk, neighbour: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(intake: Intake, command: Mapping[str, Any]) -> None:
        if command["company_id"] == desk.company_id:
            tries.append(command["command_id"])
            raise ArithmeticError
        taken(intake, command)

    tries: list[str] = []
    taken = Intake.take
    monkeypatch.setattr(Intake, "take", stumble)
    bad, good = desk.send(), neighbour.send()

    def done() -> bool:
        with suppress(RetriableError):
            desk.inbox.take()
        desk.publish_answers()
        return bool(desk.said(good) and desk.said(bad))

    eventually(done, what="both answers")
    assert tries == [bad] * 3
    assert desk.said(bad) == ["rejected"]
    (letter,) = desk.dead_letters()
    assert dict(letter.headers())["dead-letter-error-class"] == b"cannot-be-processed"


def hostile_commands(chance: random.Random, source: SchemaSource, company_id: str, *, number: int) -> Iterator[bytes]:
    """Values that a stranger could send: of the right schema with odd fields, cut, changed in a byte, or no Avro."""
    encode = encoder(SYNC_COMMANDS, source)
    texts = (
        "",
        "\0",
        "*",
        "x" * 201,
        "x" * 70_000,
        "a/b",
        "\N{COMBINING ACUTE ACCENT}" * 300,
        "sync",
        "backfill",
        "cancel",
    )
    days = (None, 0, -1, 1, 20_260_101, 47_846, 2**31 - 1, -(2**31))
    for _ in range(number):
        body = factories.command_body(company_id=company_id)
        for name in chance.sample(sorted(body), chance.randrange(6)):
            body[name] = {
                "entities": [chance.choice(texts[:6]) for _ in range(chance.randrange(30))],
                "from_date": chance.choice(days),
                "to_date": chance.choice(days),
                "dry_run": chance.random() < 0.5,
                "requested_at": chance.choice((0, -1, 2**62, -(2**62))),
            }.get(name, chance.choice(texts))
        value = bytearray(encode(body))
        match chance.randrange(4):
            case 1:
                value[chance.randrange(len(value))] = chance.randrange(256)
            case 2:
                del value[chance.randrange(len(value)) :]
            case 3:
                value = bytearray(chance.randbytes(chance.choice((0, 1, 5, 50, 100_000))))
        yield bytes(value)


def test_take_whatever_bytes_there_are_the_neighbour_is_answered(
    desk: Desk, neighbour: Desk, other_company: OtherCompany
) -> None:
    """Random bytes, Avro of every wrong kind, huge and NUL: nothing raises, and nobody waits."""
    end = time.monotonic() + rounds(usual=8.0, soak=600.0)
    seed = 0
    while time.monotonic() < end:
        seed += 1
        for value in hostile_commands(random.Random(seed), desk.stack.registry, desk.company_id, number=40):
            send_raw(desk.settings, key=desk.company_id.encode(), value=value)
        command_id = neighbour.send()
        with other_company.is_served():
            assert neighbour.take_until_said(command_id) == ["accepted"]


def test_take_command_whose_answer_kafka_does_not_take_is_answered_once_later(desk: Desk) -> None:
    desk.events.refused_type = "rejected"
    command_id = desk.send(type="dance")

    def refused() -> bool:
        try:
            desk.inbox.take()
            desk.publish_answers()
        except RetriableError:
            return True
        return False

    eventually(refused, what="the outage")
    desk.events.refused_type = None
    assert desk.take_until_said(command_id) == ["rejected"]
    desk.send(type="dance", command_id=command_id)
    desk.take_until_said(desk.send())
    assert desk.said(command_id) == ["rejected"]


def test_take_after_a_restart_goes_on_behind_what_was_taken(desk: Desk) -> None:
    first = desk.send()
    desk.take_until_said(first)
    desk.inbox.close()
    second = desk.send()
    desk.inbox = Inbox(desk.settings, source=desk.stack.registry, database=desk.database, events=desk.events)
    desk.take_until_said(second)
    assert desk.said(first) == ["accepted"]


def test_take_command_of_a_newer_sender_is_understood(desk: Desk) -> None:
    assert (
        Decoder(SYNC_COMMANDS, desk.stack.registry)(
            encoder(SYNC_COMMANDS, desk.stack.registry)(factories.command_body())
        )["type"]
        == "sync"
    )
