"""Publishes raw records in transactions under the connection's own transactional id, so that a successor fences it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from time import monotonic
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from core.errors import FatalError, FencedError, RetriableError
from core.kafka.config import FENCED, transactional_config
from core.settings import Settings
from core.topics import DEAD_LETTERS, partition_for
from producers.runs.messages import Message

_TIMEOUT_S = 30
_REPORT_WAIT_S = 0.1
# Below what a topic takes by default, batch and headers included.
LARGEST_RECORD_BYTES = 1_000_000
# More of one batch than this is no matter of records.
_MOST_REFUSED = 20
# What brokers, and the client before them, say of a record that no repetition makes acceptable.
_OF_A_RECORD = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
    }
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a batch: `refused` says by key why Kafka takes no such record; offsets of dead letters by key."""

    refused: Mapping[bytes, str] = field(default_factory=dict)
    letters: Mapping[bytes, int] = field(default_factory=dict)


class RecordRefusedError(RetriableError):
    """Nothing of a batch is committed, because brokers never take one of its records. Its publisher is over."""


class Publisher(Protocol):
    """Where a run's changes go."""

    def publish(self, batch: Iterable[Message]) -> Delivery:
        """All of the batch but what is refused is committed when this returns."""


class FencingPublisher:
    """Makes its publisher when it is first needed, then makes sure that the right to publish is still there.

    Making one fences every older one. Without the look afterwards, a poller that was paused before it and wakes behind
    its successor would fence that one out and publish what it had read long ago.

    A batch of which brokers refuse a record goes in halves until that record is found, each with a publisher made anew:
    a producer is out of step with its brokers behind a refused record.
    """

    def __init__(self, make: Callable[[], Publisher], confirm: Callable[[], None]) -> None:
        """`confirm` raises FencedError when the lease is another's by now."""
        self._make = make
        self._confirm = confirm
        self._made: Publisher | None = None

    def fence(self) -> Publisher:
        """Fence predecessors now; FencedError if a successor is there already."""
        if self._made is None:
            made = self._make()
            self._confirm()
            self._made = made
        return self._made

    def publish(self, batch: Iterable[Message]) -> Delivery:
        """See Publisher. Where it raises behind a refused record, a part of the batch may be committed."""
        refused: dict[bytes, str] = {}
        offsets: dict[bytes, int] = {}
        self._publish(list(batch), refused, offsets)
        return Delivery(refused, offsets)

    def _publish(self, messages: Sequence[Message], refused: dict[bytes, str], offsets: dict[bytes, int]) -> None:
        try:
            delivery = self.fence().publish(messages)
        except RecordRefusedError as exc:
            self._made = None
            units = [list(unit) for _, unit in groupby(messages, attrgetter("key"))]
            if len(units) == 1:
                _refuse(messages[0].key, str(exc), refused)
                return
            middle = len(units) // 2
            for half in (units[:middle], units[middle:]):
                self._publish([message for unit in half for message in unit], refused, offsets)
        else:
            refused.update(delivery.refused)
            offsets.update(delivery.letters)


def _refuse(key: bytes, why: str, refused: dict[bytes, str]) -> None:
    refused[key] = why
    if len(refused) > _MOST_REFUSED:
        raise RetriableError(f"Kafka refuses one record after the other ({why}).")


class TransactionalPublisher:
    """A transactional producer of one company; creating it fences every older one of that company."""

    def __init__(self, settings: Settings, company_id: str) -> None:
        """Blocks for up to 30 s; RetriableError if the broker does not answer."""
        self._partition = partition_for(company_id, settings.entity_partitions)
        self._over: FatalError | RecordRefusedError | None = None
        self._producer = Producer(transactional_config(settings, f"protiv-poller-{company_id}"))
        try:
            self._producer.init_transactions(_TIMEOUT_S)
        except KafkaException as exc:
            raise translated(exc) from exc

    def publish(self, batch: Iterable[Message]) -> Delivery:
        """See Publisher. FencedError when a successor exists, RetriableError for an outage (all is undone).

        RecordRefusedError if brokers refuse a record of it: all is undone, and this publisher takes nothing more.
        """
        if self._over is not None:
            # librdkafka names the reason once; what it answers afterwards depends on where it stood.
            raise self._over
        messages = list(batch)
        refused = {m.key: "too large" for m in messages if len(m.value or b"") > LARGEST_RECORD_BYTES}
        try:
            offsets = self._transact([m for m in messages if m.key not in refused] if refused else messages)
        except (FatalError, RecordRefusedError) as exc:
            self._over = exc
            raise
        return Delivery(refused, offsets)

    def _transact(self, messages: Sequence[Message]) -> dict[bytes, int]:
        """One transaction; the offsets of dead letters in it. RecordRefusedError if one record is to blame."""
        outcomes = _Outcomes()
        try:
            self._producer.begin_transaction()
            # A batch is a page that is read and encoded already: the transaction, which holds up every committed reader
            # of its partitions, is open for milliseconds.
            for message in messages:
                self._produce(message, outcomes)
            # A commit behind a record that is refused would wait for its own time-out, and so would a flush for the
            # records behind it. A fatal error that the client meets here lets a delivery report end in a SystemError;
            # the commit then names it.
            with suppress(SystemError):
                self._await_reports(outcomes)
            if not outcomes.refusal:
                self._producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as exc:
            if not outcomes.refusal and exc.args[0].code() in _OF_A_RECORD:
                outcomes.refusal = exc.args[0].name()
            if exc.args[0].fatal() or not outcomes.refusal:
                self._abort(exc)
                raise translated(exc) from exc
        except BaseException:
            self._producer.abort_transaction(_TIMEOUT_S)
            raise
        if outcomes.refusal:
            # An abort would wait in vain, out of step with its brokers as this producer is: the next one under this id
            # aborts what is left open.
            self._producer.purge()
            raise RecordRefusedError(outcomes.refusal)
        return outcomes.letters

    def _produce(self, message: Message, outcomes: _Outcomes) -> None:
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    partition=self._partition,
                    on_delivery=outcomes.note_letter if message.topic == DEAD_LETTERS else outcomes.note,
                )
            except BufferError:
                # The local queue is full: let deliveries happen, then go on with the same message.
                self._producer.poll(1)
            else:
                return

    def _await_reports(self, outcomes: _Outcomes) -> None:
        """Until brokers have answered for all records, or refuse one."""
        deadline = monotonic() + _TIMEOUT_S
        while len(self._producer) and not outcomes.refusal and monotonic() < deadline:
            self._producer.poll(_REPORT_WAIT_S)

    def _abort(self, cause: KafkaException) -> None:
        if cause.args[0].fatal():
            return
        try:
            self._producer.abort_transaction(_TIMEOUT_S)
        except KafkaException as exc:
            raise translated(exc) from exc


@dataclass(slots=True)
class _Outcomes:
    """What the broker says of the records of a transaction."""

    refusal: str = ""
    letters: dict[bytes, int] = field(default_factory=dict)

    def note(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None and error.code() in _OF_A_RECORD:
            self.refusal = error.name()

    def note_letter(self, error: KafkaError | None, message: Any) -> None:
        self.note(error, message)
        if error is None and message.value() is not None:
            self.letters[message.key()] = message.offset()


def translated(exc: KafkaException) -> Exception:
    """A transaction's error as ours: fenced, fatal, or an outage."""
    error = exc.args[0]
    if error.code() in FENCED:
        return FencedError("Another poller publishes for this company now.")
    if error.fatal():
        return FatalError(f"Kafka refused the transaction for good ({error.name()}).")
    return RetriableError(f"Kafka does not take the transaction now ({error.name()}).")
