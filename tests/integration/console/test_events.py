"""Events of the poller: open pages are told to look again, and the audit keeps what became of each command."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from console.listening import Listener
from console.routes import events
from control.audit import Act, audit_of_command, record
from control.commands import answer_commands, put_command
from core.errors import RetriableError
from core.kafka.config import consumer_config, producer_config
from core.topics import SYNC_COMMANDS, SYNC_EVENTS
from producers.sync_events import SyncEvent, event_record
from schemas.codec import Decoder, Record, encoder
from tests.fakes import FakeClock
from tests.integration.console.fix_console import Site, post
from tests.integration.console.test_process import eventually

Say = Callable[[SyncEvent], bool]


@pytest.fixture
def said(site: Site) -> Say:
    encode = encoder(SYNC_EVENTS, site.services.registry)
    producer = Producer(producer_config(site.settings))

    def say(event: SyncEvent) -> bool:
        value = encode(event_record(event, datetime.now(UTC)))
        producer.produce(SYNC_EVENTS, key=event.company_id.encode(), value=value)
        return producer.flush(20) == 0

    return say


@contextmanager
def listening(site: Site, heard: list[str]) -> Iterator[Listener]:
    services = site.services
    listener = Listener(site.settings, services.registry, services.clock, on_event=heard.append)
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        stop.set()
        thread.join(20)


def asked_for(site: Site, company_id: str) -> str:
    """A command of the console without an answer; its id."""
    command_id = str(uuid4())
    with site.services.database.writing() as tx:
        record(tx, Act(None, "dana@acme.example", company_id, "sync", {}, command_id))
    return command_id


def outcome(site: Site, company_id: str, command_id: str) -> tuple[str | None, str | None, bool]:
    with site.services.database.reading() as tx:
        line = audit_of_command(tx, company_id, command_id)
    assert line is not None
    return line.outcome, line.outcome_message, line.outcome_at is not None


def test_audit_says_what_the_poller_stored_and_not_what_an_event_claims(site: Site, said: Say) -> None:
    company_id = site.company()
    command_id = asked_for(site, company_id)
    heard: list[str] = []
    with listening(site, heard):
        eventually(lambda: said(SyncEvent(company_id, "completed", command_id=command_id)) and bool(heard), "is heard")
        assert outcome(site, company_id, command_id) == (None, None, False)
        body = {"command_id": command_id, "company_id": company_id, "type": "sync"}
        with site.services.database.writing() as tx:
            put_command(tx, body)
        assert outcome(site, company_id, command_id) == ("accepted", None, False)
        with site.services.database.writing() as tx:
            answer_commands(tx, [command_id], {"type": "rejected", "message": "Not today."})
        said(SyncEvent(company_id, "completed", command_id=command_id))
        assert outcome(site, company_id, command_id) == ("rejected", "Not today.", True)


def test_page_survives_events_that_are_forged_or_broken(site: Site, said: Say) -> None:
    company_id = site.company()
    heard: list[str] = []
    producer = Producer(producer_config(site.settings))
    with listening(site, heard):
        for value in (b"", b"\0\0\0\0\1", b"\xff" * 100, b"\0" * 3000):
            producer.produce(SYNC_EVENTS, key=b"x", value=value)
        assert producer.flush(20) == 0
        said(SyncEvent("a\0b" * 500, "x\n\ndata: y", command_id="no uuid at all", message="\0"))
        eventually(lambda: said(SyncEvent(company_id, "progress")) and company_id in heard, "goes on behind them")
    assert site.signed_in("operator").get(f"/c/{company_id}/buildertrend").status_code == 200


@pytest.mark.anyio
async def test_stream_tells_a_page_to_look_again_and_only_of_its_company(site: Site) -> None:
    stream = events._stream(site.services, "acme")
    assert "event: look" in await anext(stream)
    site.services.listener._tell("other", "progress")
    for _ in range(3):
        site.services.listener._tell("acme", "progress")
    site.services.listener._tell("acme", "completed")
    assert await anext(stream) == "event: look\ndata: completed\n\n"
    assert isinstance(stream, AsyncGenerator)
    await stream.aclose()
    assert site.services.listener._open == {}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_command_of_the_console_reaches_the_topic_with_who_asked(site: Site) -> None:
    company_id = site.company()
    browser = site.signed_in("admin", company_id)
    answer = post(browser, f"/c/{company_id}/buildertrend/pause", reason="  New \n bookkeeper ")
    assert answer.status_code == 303
    command_id = answer.headers["location"].partition("?command=")[2]
    (sent,) = [one for one in commands(site, company_id) if one["command_id"] == command_id]
    assert (sent["type"], sent["company_id"]) == ("pause", company_id)
    assert sent["requested_by"].startswith("console:admin-")
    assert sent.get("reason", "New bookkeeper") == "New bookkeeper"
    page = browser.get(answer.headers["location"]).text
    assert "Pause:" in page
    assert "sent, not accepted yet" in page


def commands(site: Site, company_id: str) -> list[Record]:
    """Every command for a company so far. Others' may be what no schema describes."""
    decode, found = Decoder(SYNC_COMMANDS, site.services.registry), []
    consumer = Consumer(consumer_config(site.settings, f"test-{uuid4()}") | {"auto.offset.reset": "earliest"})
    partitions = list(consumer.list_topics(SYNC_COMMANDS, timeout=10).topics[SYNC_COMMANDS].partitions)
    consumer.assign([TopicPartition(SYNC_COMMANDS, number, 0) for number in partitions])
    ended = 0
    while ended < len(partitions):
        message = consumer.poll(10)
        assert message is not None
        if message.error() is not None:
            ended += 1
        elif message.key() == company_id.encode():
            found.append(decode(message.value() or b""))
    consumer.close()
    return found


def test_command_that_kafka_does_not_take_is_said_and_kept_as_failed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RetriableError("Kafka does not take the command now.")

    monkeypatch.setattr(type(site.services.sender), "send", refuse)
    company_id = site.company()
    browser = site.signed_in("operator")
    answer = post(browser, f"/c/{company_id}/buildertrend/sync")
    assert answer.status_code == 503
    assert "Kafka does not take the command now." in answer.text
    lines = site.run(
        "SELECT action, outcome, message FROM integration.audit JOIN integration.audit_outcomes USING (command_id)"
        " WHERE company_id = %s",
        company_id,
    )
    assert lines == [("sync", "failed", "Kafka does not take the command now.")]


def test_connect_while_kafka_is_away_is_stored_and_begins_by_the_schedule(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RetriableError("away")

    monkeypatch.setattr(type(site.services.sender), "send", refuse)
    company_id = f"co-{uuid4().hex[:8]}"
    browser = site.signed_in("admin", company_id)
    fields = {"username": " ana ", "password": "pw", "time_zone": "America/Denver", "import_from": "2026-01-31"}
    answer = post(browser, f"/c/{company_id}/buildertrend/connect", **fields)
    assert answer.status_code == 303
    (stored,) = site.run(
        "SELECT username, import_from::text, state FROM integration.connections WHERE company_id = %s", company_id
    )
    assert stored == ("ana", "2026-01-31", "connecting")
    assert "Signing in to Buildertrend" in browser.get(answer.headers["location"]).text


def test_listener_waits_an_outage_out(site: Site) -> None:
    clock = FakeClock()
    stop = threading.Event()
    attempts = 0

    def count() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 3:
            stop.set()

    clock.on_wait = count
    nowhere = site.settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    Listener(nowhere, site.services.registry, clock, on_event=lambda _: None).run(stop)
    assert attempts == 3
