"""Writes the output of one partition in transactions, as the only writer: the newest owner fences every older one."""

from __future__ import annotations

from collections.abc import Sequence

from core.kafka.producer import TransactionalProducer
from core.retry import Patience
from core.settings import Settings
from streams.records import Output

FENCED = "Another streams process writes this partition now; this one ends."
_CONFIG = {
    # Brokers measure compressed batches; the client would measure a dead letter before it is compressed.
    "message.max.bytes": 64 * 1024 * 1024,
    # Successes are counted by the client alone: a call for each record costs.
    "delivery.report.only.error": True,
}


class PartitionPublisher:
    """A transactional producer for one partition number of every output topic. Blocks; one thread at a time."""

    def __init__(self, producer: TransactionalProducer, partition: int, patience: Patience) -> None:
        self._producer = producer
        self._partition = partition
        self._patience = patience

    @classmethod
    def open(cls, settings: Settings, transactional_id: str, partition: int, patience: Patience) -> PartitionPublisher:
        """Fence every older writer of the partition and abort what it left open."""
        producer = TransactionalProducer.open(
            settings, transactional_id, fenced=FENCED, patience=patience, config=_CONFIG
        )
        return cls(producer, partition, patience)

    def publish(self, outputs: Sequence[Output]) -> None:
        """Return once all are committed, in one transaction; again from its beginning after an abort.

        Raises FencedError when another owner took over, FatalError when it cannot succeed, StoppedError if stopped.
        """
        if outputs:
            self._patience.until_done(lambda: self._transaction(outputs))

    def close(self) -> None:
        """Abort what is open, without insisting: the next owner's fence does it as well."""
        self._producer.close()

    def _transaction(self, outputs: Sequence[Output]) -> None:
        with self._producer.transaction() as transaction:
            for output in outputs:
                transaction.send(
                    output.topic,
                    partition=self._partition,
                    key=output.key,
                    value=output.value,
                    headers=list(output.headers),
                )
