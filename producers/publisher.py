"""Publishes raw records in transactions under the connection's own transactional id, so that a successor fences it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from confluent_kafka import KafkaException, Producer

from core.errors import FatalError, FencedError, RetriableError
from core.kafka import FENCED, transactional_config
from core.settings import Settings
from core.topics import partition_for
from producers.change_record import Message

_TIMEOUT_S = 30


class Publisher(Protocol):
    """Where a run's changes go."""

    def publish(self, batch: Iterable[Message]) -> None:
        """All of the batch is committed when this returns, nothing of it if it raises."""


class FencingPublisher:
    """Makes its publisher when it is first needed, then makes sure that the right to publish is still there.

    Making one fences every older one. Without the look afterwards, a poller that was paused before it and wakes behind
    its successor would fence that one out and publish what it had read long ago.
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

    def publish(self, batch: Iterable[Message]) -> None:
        """See Publisher."""
        self.fence().publish(batch)


class TransactionalPublisher:
    """A transactional producer of one company; creating it fences every older one of that company."""

    def __init__(self, settings: Settings, company_id: str) -> None:
        """Blocks for up to 30 s; RetriableError if the broker does not answer."""
        self._partition = partition_for(company_id, settings.entity_partitions)
        self._over: FatalError | None = None
        self._producer = Producer(transactional_config(settings, f"protiv-poller-{company_id}"))
        try:
            self._producer.init_transactions(_TIMEOUT_S)
        except KafkaException as exc:
            raise translated(exc) from exc

    def publish(self, batch: Iterable[Message]) -> None:
        """See Publisher. FencedError when a successor exists, RetriableError for an outage (all is undone)."""
        if self._over is not None:
            # librdkafka names the reason once; what it answers afterwards depends on where it stood.
            raise self._over
        try:
            self._commit(batch)
        except FatalError as exc:
            self._over = exc
            raise

    def _commit(self, batch: Iterable[Message]) -> None:
        try:
            self._producer.begin_transaction()
            # A batch is a page that is read and encoded already: the transaction, which holds up every committed reader
            # of its partitions, is open for milliseconds.
            for message in batch:
                self._produce(message)
            self._producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as exc:
            self._abort(exc)
            raise translated(exc) from exc
        except BaseException:
            self._producer.abort_transaction(_TIMEOUT_S)
            raise

    def _produce(self, message: Message) -> None:
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    partition=self._partition,
                )
            except BufferError:
                # The local queue is full: let deliveries happen, then go on with the same message.
                self._producer.poll(1)
            else:
                return

    def _abort(self, cause: KafkaException) -> None:
        if cause.args[0].fatal():
            return
        try:
            self._producer.abort_transaction(_TIMEOUT_S)
        except KafkaException as exc:
            raise translated(exc) from exc


def translated(exc: KafkaException) -> Exception:
    """A transaction's error as ours: fenced, fatal, or an outage."""
    error = exc.args[0]
    if error.code() in FENCED:
        return FencedError("Another poller publishes for this company now.")
    if error.fatal():
        return FatalError(f"Kafka refused the transaction for good ({error.name()}).")
    return RetriableError(f"Kafka does not take the transaction now ({error.name()}).")
