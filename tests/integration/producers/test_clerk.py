"""The clerk on the real brokers and database: an answer is said once, whoever says it and whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from control.commands import answer_commands, put_command, unsaid_answers
from control.database import Database
from core.errors import RetriableError
from core.settings import Settings
from producers.commands.answer_publisher import Clerk, KafkaVoice
from producers.sync_events import SyncEvent, event_record
from tests import factories
from tests.fakes import FakeClock, MemoryEvents, MemoryVoice
from tests.fix_stack import Stack
from tests.integration.producers.fix_topics import events_of


@dataclass(slots=True)
class Office:
    settings: Settings
    stack: Stack
    database: Database
    company_id: str

    def answered(self) -> str:
        """A command that has its answer and was not told it."""
        body = factories.command_body(company_id=self.company_id)
        event = SyncEvent(self.company_id, "completed", message="Done.")
        with self.database.transaction() as tx:
            put_command(tx, body)
            answer_commands(tx, [body["command_id"]], event_record(event, datetime.now(UTC)))
        return str(body["command_id"])

    def clerk(self, voice: Any = None) -> Clerk:
        made = voice or (lambda: KafkaVoice(self.settings, self.stack.registry))
        return Clerk(self.settings.database_url.get_secret_value(), made, FakeClock())

    def said(self) -> list[str]:
        """Ids of the commands in the final events of the company, in their order on the topic."""
        return [str(event["command_id"]) for event in events_of(self.settings, self.stack.registry, self.company_id)]

    def unsaid(self) -> int:
        with self.database.transaction() as tx:
            return len(unsaid_answers(tx, limit=100))

    def forget_that_it_was_said(self) -> None:
        """As if the process had died between the brokers' commit and the mark in the database."""
        with psycopg.connect(self.settings.database_url.get_secret_value(), autocommit=True) as link:
            link.execute("UPDATE integration.commands SET state = 'running', finished_at = NULL")


@pytest.fixture
def office(stack: Stack, own_database: Settings) -> Iterator[Office]:
    database = Database(own_database, max_connections=2)
    database.open()
    yield Office(own_database, stack, database, factories.company_id())
    database.close()


def test_clerk_says_answers_in_their_order_and_once(office: Office) -> None:
    clerk = office.clerk()
    ids = [office.answered(), office.answered()]
    assert clerk.turn() == 2
    ids.append(office.answered())
    assert (clerk.turn(), clerk.turn()) == (1, 0)
    clerk.close()
    assert office.said() == ids
    assert office.unsaid() == 0


def test_clerk_that_comes_after_a_crash_does_not_say_what_was_said(office: Office) -> None:
    first = office.clerk()
    ids = [office.answered(), office.answered()]
    first.turn()
    first.close()
    office.forget_that_it_was_said()
    ids.append(office.answered())
    second = office.clerk()
    assert second.turn() == 3
    second.close()
    assert office.said() == ids


def test_clerk_is_one_poller_at_a_time_and_the_next_when_that_one_ends(office: Office) -> None:
    first, second = office.clerk(), office.clerk()
    assert first.turn() == 0
    office.answered()
    assert second.turn() == 0
    assert first.turn() == 1
    office.answered()
    first.close()
    second._clock.move(2)  # type: ignore[attr-defined]  # a clock that tests move
    assert second.turn() == 1
    second.close()


def test_clerk_whose_session_was_lost_says_nothing_twice(office: Office) -> None:
    first, second = office.clerk(), office.clerk()
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
    for clerk in (first, second):
        clerk.close()
    assert office.said() == ids


def test_clerk_fenced_at_the_brokers_gives_up_and_says_it_once_later(office: Office) -> None:
    clerk = office.clerk()
    office.answered()
    clerk.turn()
    usurper = KafkaVoice(office.settings, office.stack.registry)
    command_id = office.answered()
    assert clerk.turn() == 0
    clerk._clock.move(2)  # type: ignore[attr-defined]  # a clock that tests move
    assert clerk.turn() == 1
    clerk.close()
    usurper.close()
    assert office.said().count(command_id) == 1


def test_clerk_in_an_outage_keeps_what_is_unsaid(office: Office) -> None:
    events = MemoryEvents(refused_type="completed")
    clerk = office.clerk(lambda: MemoryVoice(events))
    office.answered()
    with pytest.raises(RetriableError):
        clerk.turn()
    assert office.unsaid() == 1
    events.refused_type = None
    clerk._clock.move(2)  # type: ignore[attr-defined]  # a clock that tests move
    assert clerk.turn() == 1
    clerk.close()


def test_first_answer_of_a_command_stands(office: Office) -> None:
    command_id = office.answered()
    with office.database.transaction() as tx:
        assert answer_commands(tx, [command_id], {"type": "failed"}) == []
        (answer,) = unsaid_answers(tx, limit=10)
    assert answer.event["type"] == "completed"


def test_clerk_says_an_answer_that_is_stored_too_big_cut_and_the_neighbours_with_it(office: Office) -> None:
    """A version without limits may have stored it; it must not keep all others from being said."""
    big = factories.command_body(company_id=office.company_id) | {"stated_id": "x" * 2_500_000}
    odd = factories.command_body(company_id=office.company_id)
    event = event_record(SyncEvent(office.company_id, "rejected"), datetime.now(UTC))
    with office.database.transaction() as tx:
        for body, answer in ((big, event | {"message": "m" * 3_000_000}), (odd, event | {"at": "no time"})):
            put_command(tx, body)
            answer_commands(tx, [body["command_id"]], answer)
    neighbour = replace(office, company_id=factories.company_id())
    command_id = neighbour.answered()
    clerk = office.clerk()
    assert clerk.turn() == 3
    clerk.close()
    assert neighbour.said() == [command_id]
    assert office.said() == ["x" * 200, odd["command_id"]]
    assert office.unsaid() == 0
