"""Writes records in transactions under an id of which the newest producer fences every older one.

What librdkafka does behind a record that brokers refuse: flush and abort wait for their time-outs, and later sends fail
out of sequence. So reports are awaited until the refusal's, the queue is purged and the producer given up; the next one
under the same id aborts what is left open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from core.errors import FatalError, FencedError, IntegrationError, RetriableError, StoppedError
from core.kafka.config import ClientConfig, transactional_config
from core.kafka.errors import Meaning, meaning_of
from core.retry import Patience
from core.settings import Settings

TIMEOUT_S = 30.0
# With patience, so that it can be stopped in between.
_CALL_TIMEOUT_S = 10.0
_REPORT_WAIT_S = 0.1
_FULL_QUEUE_POLL_S = 0.1


class RecordRefusedError(FatalError):
    """Nothing of a transaction is committed, because brokers never take one of its records. Its producer is over."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Kafka never takes one of the records ({reason}).")
        self.reason = reason


class _TransactionLostError(IntegrationError):
    """The transaction must be aborted; the same records may be sent again in a new one."""


class TransactionalProducer:
    """The only writer under its id. Blocks; not for two threads at once.

    `fenced`: what to say of a successor. With `patience` an outage is waited out, up to its FatalError; without, it is
    a RetriableError after 30 s.
    """

    def __init__(self, client: Producer, *, fenced: str, patience: Patience | None = None) -> None:
        """See `open`; the client's transactions are initialised."""
        self._client = client
        self._fenced = fenced
        self._patience = patience
        self._over: FatalError | None = None

    @classmethod
    def open(
        cls,
        settings: Settings,
        transactional_id: str,
        *,
        fenced: str,
        patience: Patience | None = None,
        config: ClientConfig | None = None,
    ) -> TransactionalProducer:
        """Fence every older producer under the id and abort what it left open. `config` goes over the usual one."""
        client = Producer(transactional_config(settings, transactional_id) | (config or {}))
        producer = cls(client, fenced=fenced, patience=patience)
        producer._call(client.init_transactions)
        return producer

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """What is sent in the block is committed when it ends; nothing of it where the block or this raises.

        FencedError when a successor exists, RetriableError for an outage. RecordRefusedError if brokers refuse a
        record: this producer takes nothing more then. Send only what is ready: an open transaction holds up every
        committed reader of its partitions.
        """
        if self._over is not None:
            # librdkafka names the reason once; what it answers afterwards depends on where it stood.
            raise self._over
        transaction = Transaction(self._client, self._call)
        try:
            try:
                self._client.begin_transaction()
                yield transaction
                transaction.settle()
                self._call(self._client.commit_transaction)
            except KafkaException as exc:
                raise self._ours(exc) from exc
        except _TransactionLostError as exc:
            self._abort()
            raise RetriableError(str(exc)) from exc
        except StoppedError:
            # Whoever is next aborts it; to insist would take as long as what was stopped.
            raise
        except BaseException:
            if self._over is None:
                with suppress(IntegrationError):
                    self._abort()
            elif isinstance(self._over, RecordRefusedError):
                # An abort would wait in vain, out of step with its brokers as the client is.
                self._client.purge()
            raise

    def close(self) -> None:
        """Drop what is not sent. The brokers abort an unfinished transaction when the next producer is made."""
        self._client.purge()
        with suppress(KafkaException):
            self._client.abort_transaction(0.5)

    def _abort(self) -> None:
        try:
            self._call(self._client.abort_transaction)
        except _TransactionLostError as exc:
            self._over = FatalError(f"A transaction can be neither committed nor aborted. {exc}")
            raise self._over from exc

    def _call(self, call: Callable[[float], object]) -> None:
        """A call of the transaction that may be made again as it is, until it is done."""
        if self._patience is None:
            self._call_once(call, TIMEOUT_S)
            return
        try:
            self._patience.until_done(lambda: self._call_once(call, _CALL_TIMEOUT_S))
        except FatalError as exc:
            self._over = exc
            raise

    def _call_once(self, call: Callable[[float], object], timeout_s: float) -> None:
        try:
            call(timeout_s)
        except KafkaException as exc:
            raise self._ours(exc) from exc

    def _ours(self, exc: KafkaException) -> IntegrationError:
        error: KafkaError = exc.args[0]
        meaning = meaning_of(error)
        if meaning is Meaning.TRANSACTION_LOST:
            return _TransactionLostError(f"A transaction was aborted ({error.name()}).")
        if meaning is Meaning.OUTAGE:
            return RetriableError(f"Kafka does not take the transaction now ({error.name()}).")
        if meaning is Meaning.RECORD_REFUSED:
            self._over = RecordRefusedError(error.name())
        elif meaning is Meaning.FENCED:
            self._over = FencedError(self._fenced)
        else:
            self._over = FatalError(f"Kafka refused the transaction for good ({error.name()}).")
        return self._over


@dataclass(slots=True)
class _Reports:
    """What brokers say of a transaction's records. It must not lead to the client, which holds callbacks of this."""

    refusal: KafkaError | None = None

    def note(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and meaning_of(error) is Meaning.RECORD_REFUSED:
            self.refusal = error

    def note_delivered(
        self, on_delivered: Callable[[Message], object], error: KafkaError | None, message: Message
    ) -> None:
        self.note(error, message)
        if error is None:
            on_delivered(message)


class Transaction:
    """An open transaction."""

    def __init__(self, client: Producer, call: Callable[[Callable[[float], object]], None]) -> None:
        """`call` makes a call with a time-out."""
        self._client = client
        self._call = call
        self._reports = _Reports()

    def send(
        self,
        topic: str,
        *,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Any = None,
        timestamp: int = 0,
        on_delivered: Callable[[Message], object] | None = None,
    ) -> None:
        """Send a record in the transaction. `on_delivered` is called once brokers have it, before the commit.

        While the client's queue is full, this waits for deliveries.
        """
        note = self._reports.note
        on_delivery = note if on_delivered is None else partial(self._reports.note_delivered, on_delivered)
        while True:
            try:
                self._client.produce(
                    topic,
                    key=key,
                    value=value,
                    headers=headers,
                    partition=partition,
                    timestamp=timestamp,
                    on_delivery=on_delivery,
                )
            except BufferError:
                self._client.poll(_FULL_QUEUE_POLL_S)
            else:
                return

    def settle(self) -> None:
        """Block until brokers have answered for all records sent; KafkaException if they refuse one.

        A commit behind a record that is refused would wait for its own time-out, and so would a flush for the records
        behind it.
        """
        self._call(self._await_reports)

    def _await_reports(self, timeout_s: float) -> None:
        give_up_at = monotonic() + timeout_s
        # A fatal error that the client meets here lets a delivery report end in a SystemError; the commit names it.
        with suppress(SystemError):
            while len(self._client) and self._reports.refusal is None:
                if monotonic() >= give_up_at:
                    raise RetriableError("Kafka does not take the records now.")
                self._client.flush(_REPORT_WAIT_S)
        if self._reports.refusal is not None:
            raise KafkaException(self._reports.refusal)
