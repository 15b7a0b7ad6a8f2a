"""Answers on the real brokers and database: each is published once, whoever publishes it and whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from control.commands import answer_commands, put_command, unpublished_answers
from control.database import Database
from core.errors import RetriableError
from core.settings import Settings
from producers.commands.answer_publisher import AnswerPublisher, KafkaAnswerTopic
from producers.sync_events import SyncEvent, event_record
from tests import factories
from tests.fakes import FakeClock, MemoryAnswerTopic, MemoryEvents
from tests.fix_stack import Stack
from tests.integration.producers.fix_topics import events_of


@dataclass(slots=True)
class Office:
    settings: Settings
    stack: Stack
    database: Database
    company_id: str
    clock: FakeClock = field(default_factory=FakeClock)

    def answered(self) -> str:
        """A command that has its answer and was not told it."""
        body = factories.command_body(company_id=self.company_id)
        event = SyncEvent(self.company_id, "completed", message="Done.")
        with self.database.transaction() as tx:
            put_command(tx, body)
            answer_commands(tx, [body["command_id"]], event_record(event, datetime.now(UTC)))
        return str(body["command_id"])

    def publisher(self, topic: Any = None) -> AnswerPublisher:
        made = topic or (lambda: KafkaAnswerTopic(self.settings, self.stack.registry))
        return AnswerPublisher(self.settings.database_url.get_secret_value(), made, self.clock)

    def published(self) -> list[str]:
        """Ids of the commands in the final events of the company, in their order on the topic."""
        return [str(event["command_id"]) for event in events_of(self.settings, self.stack.registry, self.company_id)]

    def unpublished(self) -> int:
        with self.database.transaction() as tx:
            return len(unpublished_answers(tx, limit=100))

    def forget_that_it_was_published(self) -> None:
        """As if the process had died between the brokers' commit and the mark in the database."""
        with psycopg.connect(self.settings.database_url.get_secret_value(), autocommit=True) as link:
            link.execute("UPDATE integration.commands SET state = 'running', finished_at = NULL")


@pytest.fixture
def office(stack: Stack, own_database: Settings) -> Iterator[Office]:
    database = Database(own_database, max_connections=2)
    database.open()
    yield Office(own_database, stack, database, factories.company_id())
    database.close()


def test_answer_publisher_publishes_answers_in_their_order_and_once(office: Office) -> None:
    publisher = office.publisher()
    ids = [office.answered(), office.answered()]
    assert publisher.turn() == 2
    ids.append(office.answered())
    assert (publisher.turn(), publisher.turn()) == (1, 0)
    publisher.close()
    assert office.published() == ids
    assert office.unpublished() == 0


def test_answer_publisher_that_comes_after_a_crash_does_not_repeat_what_was_published(office: Office) -> None:
    first = office.publisher()
    ids = [office.answered(), office.answered()]
    first.turn()
    first.close()
    office.forget_that_it_was_published()
    ids.append(office.answered())
    second = office.publisher()
    assert second.turn() == 3
    second.close()
    assert office.published() == ids


def test_answer_publisher_is_one_poller_at_a_time_and_the_next_when_that_one_ends(office: Office) -> None:
    first, second = office.publisher(), office.publisher()
    assert first.turn() == 0
    office.answered()
    assert second.turn() == 0
    assert first.turn() == 1
    office.answered()
    first.close()
    office.clock.move(2)
    assert second.turn() == 1
    second.close()


def test_answer_publisher_whose_session_was_lost_publishes_nothing_twice(office: Office) -> None:
    first, second = office.publisher(), office.publisher()
    ids = [office.answered()]
    first.turn()
    with psycopg.connect(office.settings.database_url.get_secret_value(), autocommit=True) as link:
        link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    ids.append(office.answered())
    assert second.turn() == 1
    ids.append(office.answered())
    with pytest.raises(RetriableError):
        first.turn()
    assert second.turn() == 1
    for publisher in (first, second):
        publisher.close()
    assert office.published() == ids


def test_answer_publisher_fenced_at_the_brokers_gives_up_and_publishes_it_once_later(office: Office) -> None:
    publisher = office.publisher()
    office.answered()
    publisher.turn()
    usurper = KafkaAnswerTopic(office.settings, office.stack.registry)
    command_id = office.answered()
    assert publisher.turn() == 0
    office.clock.move(2)
    assert publisher.turn() == 1
    publisher.close()
    usurper.close()
    assert office.published().count(command_id) == 1


def test_answer_publisher_in_an_outage_keeps_what_is_unpublished(office: Office) -> None:
    events = MemoryEvents(refused_type="completed")
    publisher = office.publisher(lambda: MemoryAnswerTopic(events))
    office.answered()
    with pytest.raises(RetriableError):
        publisher.turn()
    assert office.unpublished() == 1
    events.refused_type = None
    office.clock.move(2)
    assert publisher.turn() == 1
    publisher.close()


def test_first_answer_of_a_command_stands(office: Office) -> None:
    command_id = office.answered()
    with office.database.transaction() as tx:
        assert answer_commands(tx, [command_id], {"type": "failed"}) == []
        (answer,) = unpublished_answers(tx, limit=10)
    assert answer.event["type"] == "completed"


def test_answer_publisher_cuts_an_answer_that_is_too_big_and_publishes_its_neighbours_with_it(office: Office) -> None:
    """A version without limits may have stored it; it must not keep all others from being published."""
    big = factories.command_body(company_id=office.company_id) | {"stated_id": "x" * 2_500_000}
    odd = factories.command_body(company_id=office.company_id)
    event = event_record(SyncEvent(office.company_id, "rejected"), datetime.now(UTC))
    with office.database.transaction() as tx:
        for body, answer in ((big, event | {"message": "m" * 3_000_000}), (odd, event | {"at": "no time"})):
            put_command(tx, body)
            answer_commands(tx, [body["command_id"]], answer)
    neighbour = replace(office, company_id=factories.company_id())
    command_id = neighbour.answered()
    publisher = office.publisher()
    assert publisher.turn() == 3
    publisher.close()
    assert neighbour.published() == [command_id]
    assert office.published() == ["x" * 200, odd["command_id"]]
    assert office.unpublished() == 0
