"""Writes the output of one partition in transactions, as the only writer: the newest owner fences every older one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from core.errors import FatalError, FencedError, IntegrationError, RetriableError
from core.kafka.config import FENCED, transactional_config
from core.retry import Patience
from core.settings import Settings
from streams.records import Output

_CALL_TIMEOUT_S = 10.0
_FULL_QUEUE_POLL_S = 0.1
# Brokers measure compressed batches; the client would measure a dead letter before it is compressed.
_BIGGEST_MESSAGE_BYTES = 64 * 1024 * 1024
# The codes of librdkafka itself have a leading underscore; they are public all the same.
_DOOMED = KafkaError._STATE


class AbortableError(IntegrationError):
    """The transaction must be aborted; the same batch may be sent again in a new one."""


class PartitionPublisher:
    """A transactional producer for one partition number of every output topic. Blocks; one thread at a time."""

    def __init__(self, producer: Producer, partition: int, patience: Patience) -> None:
        self._producer = producer
        self._partition = partition
        self._patience = patience

    @classmethod
    def open(cls, settings: Settings, transactional_id: str, partition: int, patience: Patience) -> PartitionPublisher:
        """Fence every older writer of the partition and abort what it left open."""
        config = transactional_config(settings, transactional_id) | {"message.max.bytes": _BIGGEST_MESSAGE_BYTES}
        publisher = cls(Producer(config), partition, patience)
        publisher._patiently(publisher._producer.init_transactions)
        return publisher

    def publish(self, outputs: Sequence[Output]) -> None:
        """Return once all are committed, in one transaction; again from its beginning after an abort.

        Raises FencedError when another owner took over, FatalError when it cannot succeed, StoppedError if stopped.
        """
        if outputs:
            self._patience.until_done(lambda: self._transaction(outputs))

    def close(self) -> None:
        """Abort what is open, without insisting: the next owner's fence does it as well."""
        with contextlib.suppress(KafkaException):
            self._producer.purge()
            self._producer.abort_transaction(0.5)

    def _transaction(self, outputs: Sequence[Output]) -> None:
        try:
            _call(self._producer.begin_transaction)
            for output in outputs:
                self._produce(output)
            self._patiently(self._producer.commit_transaction)
        except AbortableError as exc:
            self._patiently(self._producer.abort_transaction)
            raise RetriableError(str(exc)) from exc

    def _produce(self, output: Output) -> None:
        while True:
            try:
                self._producer.produce(
                    output.topic,
                    key=output.key,
                    value=output.value,
                    headers=list(output.headers),
                    partition=self._partition,
                )
            except BufferError:
                self._producer.poll(_FULL_QUEUE_POLL_S)
            except KafkaException as exc:
                raise _classified(exc) from exc
            else:
                return

    def _patiently(self, call: Callable[[float], None]) -> None:
        """A call of the transaction that may be made again as it is, until it is done."""
        self._patience.until_done(lambda: _call(lambda: call(_CALL_TIMEOUT_S)))


def _call(call: Callable[[], None]) -> None:
    try:
        call()
    except KafkaException as exc:
        raise _classified(exc) from exc


def _classified(exc: KafkaException) -> Exception:
    """What a loop must do about an error of the producer."""
    error: KafkaError = exc.args[0]
    if error.code() in FENCED:
        return FencedError("Another streams process writes this partition now; this one ends.")
    if error.fatal():
        return FatalError(f"The producer cannot go on ({error.name()}).")
    # librdkafka refuses to produce once the transaction is doomed; the abort then tells how badly.
    if error.txn_requires_abort() or error.code() == _DOOMED:
        return AbortableError(f"A transaction was aborted ({error.name()}).")
    if error.retriable():
        return RetriableError(f"Kafka does not answer as it should ({error.name()}).")
    return FatalError(f"Kafka refuses the output for good ({error.name()}).")
