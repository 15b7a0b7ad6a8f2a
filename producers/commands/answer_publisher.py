"""Publishes the stored answers: each exactly once, also across crashes and when two pollers try.

One poller at a time publishes: the one that holds a lock in the database, on a session that ends with the process.
A poller that gets the lock first fences its predecessor at the brokers, and then reads which answers were published:
after the fence nobody else can add one. It publishes answers in a transaction, then marks them as published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import psycopg

from control.commands import Answer, mark_published, unpublished_answers
from control.database import Transaction, translated_errors
from core.clock import Clock
from core.errors import FatalError, InvalidRecordError
from core.kafka.producer import TransactionalProducer
from core.kafka.read import read_partition
from core.log import get_logger
from core.postgres import Session, connect
from core.settings import Settings
from core.topics import SYNC_EVENTS, partition_for
from producers import metrics
from producers.sync_events import SyncEvent, event_record
from schemas.codec import SchemaSource, encoder
from schemas.sync_events import LONGEST_ID, LONGEST_MESSAGE, TERMINAL_EVENTS, EventReader

log = get_logger(__name__)
_LOCK = 7_305_112_025
_SESSION = Session("protiv-poller-answers", statement_s=60, lock_s=30)
_MOST_AT_ONCE = 500
_TRY_EVERY_S = 1.0
# The brokers' clocks and the database's may differ by this much.
_CLOCKS_DIFFER = timedelta(minutes=10)


class AnswerTopic(Protocol):
    """Where answers are published. Making one fences every older one."""

    def published(self, answers: Sequence[Answer]) -> set[str]:
        """The command ids of those that were published already."""

    def publish(self, answers: Sequence[Answer]) -> None:
        """All of them are published when this returns, none if it raises."""

    def close(self) -> None:
        """Give up what is not published."""


class AnswerPublisher:
    """One of these in each poller; `turn` is called by its loop and does nothing while another poller publishes."""

    def __init__(self, database_url: str, make_topic: Callable[[], AnswerTopic], clock: Clock) -> None:
        """`make_topic` is called once this poller holds the lock."""
        self._url = database_url
        self._make_topic = make_topic
        self._clock = clock
        self._next_try_at = 0.0
        self._session: Transaction | None = None
        self._topic: AnswerTopic | None = None

    def turn(self) -> int:
        """Publish what is not yet published; the number of answers. RetriableError for an outage: nothing is lost."""
        try:
            with translated_errors():
                return self._turn()
        except (FatalError, InvalidRecordError) as exc:
            # This producer can do no more; the next one fences it and reads again what was published.
            log.warning("answer_producer_failed", reason=str(exc))
            self.close()
            return 0
        except BaseException:
            # Whatever happened: whoever publishes next, be it this poller, first reads again what was published.
            self.close()
            raise

    def close(self) -> None:
        """Let another poller publish."""
        topic, session = self._topic, self._session
        self._topic = self._session = None
        if topic is not None:
            topic.close()
        if session is not None:
            # The server notices a closed session a moment later; the next publisher need not wait for that.
            with suppress(psycopg.Error):
                session.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
            session.close()

    def _turn(self) -> int:
        session = self._session or self._take_lock()
        if session is None:
            return 0
        answers = unpublished_answers(session, limit=_MOST_AT_ONCE)
        if answers:
            self._publish(session, answers)
        return len(answers)

    def _take_lock(self) -> Transaction | None:
        """The session that holds the lock, if it was free; tried once a second."""
        now = self._clock.monotonic()
        if now < self._next_try_at:
            return None
        self._next_try_at = now + _TRY_EVERY_S
        session = connect(self._url, _SESSION)
        row = session.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        if row is None or not row[0]:
            session.close()
            return None
        self._session = session
        return session

    def _publish(self, session: Transaction, answers: Sequence[Answer]) -> None:
        if self._topic is None:
            self._topic = self._make_topic()
            published = self._topic.published(answers)
            mark_published(session, published)
            answers = [answer for answer in answers if answer.command_id not in published]
            log.info("answer_publisher_begins", already_published=len(published))
        self._topic.publish(answers)
        mark_published(session, [answer.command_id for answer in answers])


class KafkaAnswerTopic:
    """Publishes answers on `integration.sync-events`, in transactions under an id that all pollers share."""

    def __init__(self, settings: Settings, source: SchemaSource) -> None:
        """RetriableError if the brokers do not answer."""
        self._settings = settings
        self._partitions = settings.entity_partitions
        self._encode = encoder(SYNC_EVENTS, source)
        self._read = EventReader(source)
        self._producer = TransactionalProducer.open(
            settings, "protiv-poller-answers", fenced="Another poller publishes answers now."
        )

    def published(self, answers: Sequence[Answer]) -> set[str]:
        """See AnswerTopic."""
        wanted = {str(answer.event["event_id"]): answer.command_id for answer in answers}
        since = min(answer.answered_at for answer in answers) - _CLOCKS_DIFFER
        numbers = {partition_for(answer.company_id, self._partitions) for answer in answers}
        ids = {event_id for number in numbers for event_id in self._event_ids(number, since)}
        return {wanted[event_id] for event_id in ids & wanted.keys()}

    def _event_ids(self, number: int, since: datetime) -> Iterator[str]:
        for message in read_partition(self._settings, SYNC_EVENTS, number, since=since):
            # Anybody could write to this topic; what cannot be read is no answer of ours.
            with suppress(InvalidRecordError):
                yield str(self._read(message.value())["event_id"])

    def publish(self, answers: Sequence[Answer]) -> None:
        """See AnswerTopic."""
        if not answers:
            return
        ready = [(answer.company_id[:LONGEST_ID], self._encoded(answer)) for answer in answers]
        with self._producer.transaction() as transaction:
            for company_id, value in ready:
                number = partition_for(company_id, self._partitions)
                transaction.send(SYNC_EVENTS, key=company_id.encode(), value=value, partition=number)

    def _encoded(self, answer: Answer) -> bytes:
        """One answer must not hold up all others: where it cannot be encoded, a short one takes its place."""
        try:
            return self._encode(cut_to_limits(answer.event))
        except Exception:
            metrics.ANSWERS_CUT_SHORT.inc()
            log.exception("answer_not_encodable", command_id=answer.command_id)
            return self._encode(short_answer(answer))

    def close(self) -> None:
        """See AnswerTopic. The brokers abort an unfinished transaction when the next producer is made."""
        self._producer.close()


def cut_to_limits(event: Mapping[str, Any]) -> dict[str, Any]:
    """A stored answer, its texts cut to what readers take."""
    cut = {name: value[:LONGEST_ID] if isinstance(value, str) else value for name, value in event.items()}
    message = event.get("message")
    return cut | {"message": message[:LONGEST_MESSAGE] if isinstance(message, str) else None}


def short_answer(answer: Answer) -> dict[str, Any]:
    """Takes the place of an answer that cannot be encoded: how the command ended, and no more."""
    stated = answer.event.get("type")
    kind = stated if stated in TERMINAL_EVENTS else "failed"
    return event_record(SyncEvent(answer.company_id[:LONGEST_ID], kind, answer.command_id), answer.answered_at)
