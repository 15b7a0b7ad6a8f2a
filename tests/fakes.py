"""Stand-ins for the world: a clock that tests move, and seams that keep what they were given in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from control.commands import Answer
from core.errors import ConfigurationError, InvalidRecordError, RetriableError
from core.topics import DEAD_LETTERS
from producers.buildertrend.sign_in import Session, SignedIn
from producers.runs.messages import Message
from producers.runs.publisher import Delivery
from producers.sync_events import SyncEvent
from schemas.avro_files import Schema, plain_schema
from schemas.faults import Fault
from schemas.topics import SCHEMA_TOPICS


@dataclass(slots=True)
class FakeClock:
    """Stands still unless somebody waits or moves it; keeps every wait that was asked of it."""

    instant: datetime = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
    waits: list[float] = field(default_factory=list)
    on_wait: Callable[[], None] = lambda: None
    _seconds: float = 1000.0

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self._seconds

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        self.on_wait()
        if stop is not None and stop.is_set():
            return True
        self.waits.append(seconds)
        self.move(seconds)
        return False

    def move(self, seconds: float) -> None:
        self._seconds += seconds
        self.instant += timedelta(seconds=seconds)


class MemorySchemas:
    """A SchemaSource of the committed schemas: ids from 1 in the order of schemas/topics.py, and others on request."""

    def __init__(self, others: Mapping[int, Schema] | None = None) -> None:
        self.ids = {topic: number for number, topic in enumerate(SCHEMA_TOPICS, start=1)}
        self._schemas = {number: plain_schema(topic) for topic, number in self.ids.items()} | dict(others or {})
        self.asked: list[int] = []

    def schema_by_id(self, schema_id: int) -> Schema:
        self.asked.append(schema_id)
        if schema_id not in self._schemas:
            raise InvalidRecordError(f"no schema {schema_id}", error_class="unknown-schema")
        return self._schemas[schema_id]

    def id_of(self, topic: str) -> int:
        if topic not in self.ids:
            raise ConfigurationError(f"no schema of {topic}")
        return self.ids[topic]


@dataclass(slots=True)
class MemoryPublisher:
    """Keeps what was committed, a list a transaction; `before_commit` may raise in a commit's place."""

    batches: list[list[Message]] = field(default_factory=list)
    before_commit: Callable[[list[Message]], None] = lambda _: None
    refuses: Callable[[Message], bool] = lambda _: False

    def publish(self, batch: Iterable[Message]) -> Delivery:
        messages = list(batch)
        self.before_commit(messages)
        refused = {message.key: "refused" for message in messages if self.refuses(message)}
        taken = [message for message in messages if message.key not in refused]
        first = sum(message.topic == DEAD_LETTERS for message in self.messages)
        letters = [message for message in taken if message.topic == DEAD_LETTERS]
        offsets = {one.key: offset for offset, one in enumerate(letters, first) if one.value is not None}
        self.batches.append(taken)
        return Delivery(refused, offsets)

    @property
    def messages(self) -> list[Message]:
        return [message for batch in self.batches for message in batch]


@dataclass(slots=True)
class MemoryEvents:
    """Keeps the events; those of `refused_type` are not taken, as in an outage."""

    written: list[SyncEvent] = field(default_factory=list)
    refused_type: str | None = None

    def write(self, event: SyncEvent) -> None:
        if event.type == self.refused_type:
            raise RetriableError("away")
        self.written.append(event)

    def of_type(self, kind: str) -> list[SyncEvent]:
        return [event for event in self.written if event.type == kind]


@dataclass(slots=True)
class MemoryAnswerTopic:
    """Publishes stored answers among the events; those of the events' `refused_type` are not taken, as in an outage."""

    events: MemoryEvents
    event_ids: list[str] = field(default_factory=list)

    def published(self, answers: Sequence[Answer]) -> set[str]:
        return {answer.command_id for answer in answers if answer.event["event_id"] in self.event_ids}

    def publish(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            known = {name: answer.event[name] for name in SyncEvent.__slots__}
            self.events.write(SyncEvent(**known))
            self.event_ids.append(answer.event["event_id"])

    def close(self) -> None:
        """It holds nothing."""


@dataclass(slots=True)
class MemorySessions:
    """Keeps one session, the password that was accepted, and what its journal was told."""

    session: Session | None = None
    password: str | None = None
    journal: list[str] = field(default_factory=list)
    unanswered: bool = False

    def load(self) -> Session | None:
        return self.session

    def save(self, signed_in: SignedIn) -> None:
        self.session, self.password = signed_in.session, signed_in.password

    def renew(self, session: Session) -> None:
        self.session = session
        self.journal.append("renewed")

    def has_unanswered_sign_in(self) -> bool:
        return self.unanswered

    def begin_sign_in(self) -> None:
        self.journal.append("begun")

    def sign_in_unanswered(self) -> None:
        self.journal.append("unanswered")

    def sign_in_answered(self) -> None:
        self.journal.append("answered")

    def sign_in_refused(self, fault: Fault) -> None:
        self.journal.append(fault.name)


class ScriptedSource:
    """Answers requests with a list of answers, one after another; exceptions are raised. Keeps the requests."""

    def __init__(self, answers: Iterable[httpx.Response | Exception]) -> None:
        self._answers: Iterator[httpx.Response | Exception] = iter(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self))


def json_answer(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def enveloped_answer(data: Any) -> httpx.Response:
    """An `/api/…` answer that went well."""
    return json_answer({"success": True, "message": None, "needsToRelogin": False, "data": data})
