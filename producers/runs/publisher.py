"""Publishes raw records in transactions under the connection's own transactional id, so that a successor fences it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol

from core.errors import RetriableError
from core.kafka.producer import RecordRefusedError, TransactionalProducer
from core.settings import Settings
from core.topics import DEAD_LETTERS, partition_for
from producers.runs.messages import Message

# Below what a topic takes by default, batch and headers included.
LARGEST_RECORD_BYTES = 1_000_000
# More of one batch than this is no matter of records.
_MOST_REFUSED = 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a batch: `refused` says by key why Kafka takes no such record; offsets of dead letters by key."""

    refused: Mapping[bytes, str] = field(default_factory=dict)
    letters: Mapping[bytes, int] = field(default_factory=dict)


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
                _refuse(messages[0].key, exc.reason, refused)
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
        fenced = "Another poller publishes for this company now."
        self._producer = TransactionalProducer.open(settings, f"protiv-poller-{company_id}", fenced=fenced)

    def publish(self, batch: Iterable[Message]) -> Delivery:
        """See Publisher. FencedError when a successor exists, RetriableError for an outage (all is undone).

        RecordRefusedError if brokers refuse a record of it: all is undone, and this publisher takes nothing more.
        """
        # A batch is a page that is read and encoded already: the transaction is open for milliseconds.
        messages = list(batch)
        refused = {m.key: "too large" for m in messages if len(m.value or b"") > LARGEST_RECORD_BYTES}
        offsets: dict[bytes, int] = {}
        with self._producer.transaction() as transaction:
            for message in messages:
                if message.key in refused:
                    continue
                transaction.send(
                    message.topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    partition=self._partition,
                    on_delivered=partial(_note_offset, offsets) if message.topic == DEAD_LETTERS else None,
                )
        return Delivery(refused, offsets)


def _note_offset(offsets: dict[bytes, int], letter: Any) -> None:
    if letter.value() is not None:
        offsets[letter.key()] = letter.offset()
