"""The transactional producer against a scripted client: what is committed, aborted, left open, and over for good."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from core.errors import FatalError, FencedError, RetriableError
from core.kafka.producer import RecordRefusedError, TransactionalProducer
from core.retry import Patience
from tests.unit.streams.fakes import ManualClock

Report = Callable[[KafkaError | None, Any], None]


def error(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaException:
    return KafkaException(KafkaError(code, "scripted", fatal, retriable, abort))


TIMED_OUT = error(KafkaError._TIMED_OUT, retriable=True)
MUST_ABORT = error(KafkaError._TIMED_OUT, abort=True)
FENCED = error(KafkaError._FENCED, fatal=True)
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)


class ScriptedClient:
    """Raises what a script says, call by call; answers for records with `reports` when it is flushed."""

    def __init__(self, *, reports: Sequence[KafkaError | None] = (), **script: Sequence[Exception]) -> None:
        self.script = {name: list(errors) for name, errors in script.items()}
        self.reports = list(reports)
        self.waiting: list[Report] = []
        self.calls: list[str] = []

    def __len__(self) -> int:
        return len(self.waiting)

    def produce(self, _topic: str, *, on_delivery: Report, **_record: Any) -> None:
        self._call("produce")
        self.waiting.append(on_delivery)

    def flush(self, _timeout: float) -> int:
        self._call("flush")
        while self.waiting and self.reports:
            self.waiting.pop(0)(self.reports.pop(0), "the record")
        return len(self.waiting)

    def begin_transaction(self) -> None:
        self._call("begin")

    def commit_transaction(self, _timeout: float) -> None:
        self._call("commit")

    def abort_transaction(self, _timeout: float) -> None:
        self._call("abort")

    def purge(self) -> None:
        self._call("purge")

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if errors := self.script.get(name):
            raise errors.pop(0)


def producer(client: ScriptedClient, patience: Patience | None = None) -> TransactionalProducer:
    return TransactionalProducer(cast(Producer, client), fenced="Another one took over.", patience=patience)


def send(made: TransactionalProducer, *, on_delivered: Callable[[Message], object] | None = None) -> None:
    with made.transaction() as transaction:
        transaction.send("t", partition=0, key=b"k", value=b"v", on_delivered=on_delivered)


def test_transaction_is_committed_once_brokers_have_answered_for_its_records() -> None:
    client, delivered = ScriptedClient(reports=[None]), list[object]()
    send(producer(client), on_delivered=delivered.append)
    assert client.calls == ["begin", "produce", "flush", "commit"]
    assert delivered == ["the record"]


def test_transaction_whose_block_raises_is_aborted_and_the_next_one_is_made() -> None:
    client = ScriptedClient()
    made = producer(client)
    with pytest.raises(KeyError), made.transaction():
        raise KeyError("the block's own")
    with made.transaction():
        pass
    assert client.calls == ["begin", "abort", "begin", "commit"]


def test_block_that_raises_keeps_its_reason_where_the_abort_fails_too() -> None:
    with pytest.raises(KeyError), producer(ScriptedClient(abort=[TIMED_OUT])).transaction():
        raise KeyError("the block's own")


@pytest.mark.parametrize("failure", [TIMED_OUT, MUST_ABORT])
def test_outage_at_the_commit_undoes_all_and_may_be_tried_again(failure: KafkaException) -> None:
    client = ScriptedClient(reports=[None, None], commit=[failure])
    made = producer(client)
    with pytest.raises(RetriableError):
        send(made)
    assert client.calls[-2:] == ["commit", "abort"]
    send(made)
    assert client.calls[-1] == "commit"


def test_record_that_brokers_refuse_ends_the_producer_without_commit_or_abort() -> None:
    client = ScriptedClient(reports=[TOO_LARGE])
    made = producer(client)
    for _ in range(2):
        with pytest.raises(RecordRefusedError, match="MSG_SIZE_TOO_LARGE") as refused:
            send(made)
        assert refused.value.reason == "MSG_SIZE_TOO_LARGE"
    assert client.calls == ["begin", "produce", "flush", "purge"]


def test_record_that_the_client_refuses_ends_the_producer_too() -> None:
    client = ScriptedClient(produce=[KafkaException(TOO_LARGE)])
    with pytest.raises(RecordRefusedError):
        send(producer(client))
    assert client.calls == ["begin", "produce", "purge"]


def test_delivery_that_fails_for_another_reason_is_left_to_the_commit() -> None:
    client = ScriptedClient(reports=[KafkaError(KafkaError._MSG_TIMED_OUT)], commit=[MUST_ABORT])
    with pytest.raises(RetriableError):
        send(producer(client))
    assert client.calls == ["begin", "produce", "flush", "commit", "abort"]


def test_successor_ends_the_producer_for_ever() -> None:
    client = ScriptedClient(reports=[None], commit=[FENCED])
    made = producer(client)
    for _ in range(2):
        with pytest.raises(FencedError, match="took over"):
            send(made)
    assert client.calls == ["begin", "produce", "flush", "commit"]


def test_fatal_error_in_a_report_is_named_by_the_commit() -> None:
    client = ScriptedClient(flush=[SystemError("a callback")], commit=[FENCED])
    with pytest.raises(FencedError):
        send(producer(client))


def test_transaction_that_can_be_neither_committed_nor_aborted_ends_the_producer() -> None:
    client = ScriptedClient(reports=[None], commit=[MUST_ABORT], abort=[MUST_ABORT])
    made = producer(client)
    for _ in range(2):
        with pytest.raises(FatalError, match="neither"):
            send(made)
    assert client.calls.count("begin") == 1


def test_patience_makes_a_call_again_and_ends_the_producer_when_it_is_used_up() -> None:
    patience = Patience(ManualClock(), threading.Event(), 60.0)
    client = ScriptedClient(reports=[None], commit=[TIMED_OUT, TIMED_OUT])
    send(producer(client, patience))
    assert client.calls.count("commit") == 3
    hopeless = ScriptedClient(reports=[None], commit=[TIMED_OUT] * 1000)
    with pytest.raises(FatalError, match="Gave up"):
        send(producer(hopeless, patience))
    assert "abort" not in hopeless.calls


def test_close_never_fails() -> None:
    client = ScriptedClient(abort=[TIMED_OUT])
    producer(client).close()
    assert client.calls == ["purge", "abort"]
