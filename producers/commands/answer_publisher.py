"""Says the stored answers: each exactly once, also across crashes and when two pollers try.

One poller at a time is the clerk: it holds a lock of a session of its own in the database, which ends with the process.
Whoever becomes clerk first fences its predecessor at the brokers, then looks which of the answers are said already:
nothing can be said behind that look. Answers are said in a transaction, then marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import psycopg
from confluent_kafka import KafkaException, Producer

from control.commands import Answer, mark_said, unsaid_answers
from control.database import Transaction, translated_errors
from core.clock import Clock
from core.errors import FatalError, InvalidRecordError
from core.kafka.config import transactional_config
from core.kafka.read_partition import read_partition
from core.log import get_logger
from core.postgres import Session, connect
from core.settings import Settings
from core.topics import SYNC_EVENTS, partition_for
from producers import metrics as telemetry
from producers.runs.publisher import translated
from producers.sync_events import SyncEvent, event_record
from schemas.catalogue import TERMINAL_EVENTS
from schemas.codec import SchemaSource, encoder
from schemas.sync_events import LONGEST_ID, LONGEST_MESSAGE, EventReader

_LOG = get_logger(__name__)
_LOCK = 7_305_112_025
_SESSION = Session("protiv-poller-answers", statement_s=60, lock_s=30)
_TIMEOUT_S = 30
_AT_ONCE = 500
_APPLY_EVERY_S = 1.0
# The brokers' clocks and the database's may differ by this much.
_CLOCKS_DIFFER = timedelta(minutes=10)


class Voice(Protocol):
    """Where answers are said. Making one fences every older one."""

    def said(self, answers: Sequence[Answer]) -> set[str]:
        """The command ids of those that are said already."""

    def say(self, answers: Sequence[Answer]) -> None:
        """All of them are said when this returns, none if it raises."""

    def close(self) -> None:
        """Give up what is not said."""


class Clerk:
    """One of these in each poller; `turn` is called by its loop and never blocks while another poller is the clerk."""

    def __init__(self, database_url: str, voice: Callable[[], Voice], clock: Clock) -> None:
        """`voice` makes one, once this poller has become the clerk."""
        self._url = database_url
        self._make = voice
        self._clock = clock
        self._applies_at = 0.0
        self._session: Transaction | None = None
        self._voice: Voice | None = None

    def turn(self) -> int:
        """Say what is unsaid; how many answers that were. RetriableError for an outage: nothing is lost."""
        try:
            with translated_errors():
                return self._turn()
        except (FatalError, InvalidRecordError) as exc:
            # Only this producer is of no more use; the next one fences it and looks again.
            _LOG.warning("clerk_gives_up", reason=str(exc))
            self.close()
            return 0
        except BaseException:
            # Whatever happened: who goes on from here, this poller too, looks again first.
            self.close()
            raise

    def close(self) -> None:
        """Let another poller be the clerk."""
        voice, session = self._voice, self._session
        self._voice = self._session = None
        if voice is not None:
            voice.close()
        if session is not None:
            # The server notices a closed session a moment later; the next clerk need not wait for that.
            with suppress(psycopg.Error):
                session.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
            session.close()

    def _turn(self) -> int:
        session = self._session or self._apply()
        if session is None:
            return 0
        answers = unsaid_answers(session, limit=_AT_ONCE)
        if answers:
            self._say(session, answers)
        return len(answers)

    def _apply(self) -> Transaction | None:
        """Become the clerk, if nobody is; asked now and then."""
        now = self._clock.monotonic()
        if now < self._applies_at:
            return None
        self._applies_at = now + _APPLY_EVERY_S
        session = connect(self._url, _SESSION)
        row = session.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        if row is None or not row[0]:
            session.close()
            return None
        self._session = session
        return session

    def _say(self, session: Transaction, answers: Sequence[Answer]) -> None:
        if self._voice is None:
            self._voice = self._make()
            said = self._voice.said(answers)
            mark_said(session, said)
            answers = [answer for answer in answers if answer.command_id not in said]
            _LOG.info("clerk_begins", already_said=len(said))
        self._voice.say(answers)
        mark_said(session, [answer.command_id for answer in answers])


class KafkaVoice:
    """Says answers on `integration.sync-events`, in transactions under an id that all pollers share."""

    def __init__(self, settings: Settings, source: SchemaSource) -> None:
        """RetriableError if the brokers do not answer."""
        self._settings = settings
        self._partitions = settings.entity_partitions
        self._encode = encoder(SYNC_EVENTS, source)
        self._read = EventReader(source)
        self._producer = Producer(transactional_config(settings, "protiv-poller-answers"))
        with _as_ours():
            self._producer.init_transactions(_TIMEOUT_S)

    def said(self, answers: Sequence[Answer]) -> set[str]:
        """See Voice."""
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

    def say(self, answers: Sequence[Answer]) -> None:
        """See Voice."""
        if not answers:
            return
        ready = [(answer.company_id[:LONGEST_ID], self._encoded(answer)) for answer in answers]
        with _as_ours():
            self._producer.begin_transaction()
            for company_id, value in ready:
                number = partition_for(company_id, self._partitions)
                self._producer.produce(SYNC_EVENTS, key=company_id.encode(), value=value, partition=number)
            self._producer.commit_transaction(_TIMEOUT_S)

    def _encoded(self, answer: Answer) -> bytes:
        """One answer must not keep all others from being said: where it cannot be, a short one stands for it."""
        try:
            return self._encode(sayable(answer.event))
        except Exception:  # noqa: BLE001 - fastavro raises whatever it stumbles over; logged with its trace
            telemetry.ANSWERS_CUT_SHORT.inc()
            _LOG.exception("answer_unsayable", command_id=answer.command_id)
            return self._encode(stand_in(answer))

    def close(self) -> None:
        """See Voice. What was begun is aborted by the brokers when the next voice is made."""
        self._producer.purge()


def sayable(event: Mapping[str, Any]) -> dict[str, Any]:
    """A stored answer, its texts cut to what readers take."""
    cut = {name: value[:LONGEST_ID] if isinstance(value, str) else value for name, value in event.items()}
    message = event.get("message")
    return cut | {"message": message[:LONGEST_MESSAGE] if isinstance(message, str) else None}


def stand_in(answer: Answer) -> dict[str, Any]:
    """What is said in place of an answer that cannot be encoded: how the command ended, and no more."""
    stated = answer.event.get("type")
    kind = stated if stated in TERMINAL_EVENTS else "failed"
    return event_record(SyncEvent(answer.company_id[:LONGEST_ID], kind, answer.command_id), answer.answered_at)


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except KafkaException as exc:
        raise translated(exc) from exc
