"""The transactional writer against a scripted producer: what is retried, what starts again, what ends the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from core.errors import FatalError, FencedError, StoppedError
from core.kafka.producer import TransactionalProducer
from core.retry import Patience
from streams.publisher import FENCED as FENCED_SENTENCE
from streams.publisher import PartitionPublisher
from streams.records import Output
from tests.unit.streams.fakes import ManualClock

OUTPUT = Output("protiv.jobs", b"acme/1", b"value", [("version", b"1")])


def error(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaException:
    return KafkaException(KafkaError(code, "scripted", fatal, retriable, abort))


RETRIABLE = error(KafkaError._TIMED_OUT, retriable=True)
ABORTABLE = error(KafkaError._PURGE_QUEUE, abort=True)
FENCED = error(KafkaError._FENCED, fatal=True)


class ScriptedProducer:
    """Does what a script says: for each call's name a list of errors to raise, one a call."""

    def __init__(self, **script: Sequence[Exception]) -> None:
        self.script = {name: list(errors) for name, errors in script.items()}
        self.calls: list[str] = []
        self.open: list[str] = []
        self.committed: list[str] = []

    def begin_transaction(self) -> None:
        self._call("begin")
        self.open = []

    def produce(self, topic: str, **record: Any) -> None:
        self._call("produce")
        assert record["partition"] == 3
        self.open.append(topic)

    def commit_transaction(self, _timeout: float) -> None:
        self._call("commit")
        self.committed += self.open

    def abort_transaction(self, _timeout: float) -> None:
        self._call("abort")

    def init_transactions(self, _timeout: float) -> None:
        self._call("init")

    def poll(self, _timeout: float) -> None:
        self._call("poll")

    def __len__(self) -> int:
        return 0

    def purge(self) -> None:
        self._call("purge")

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if errors := self.script.get(name):
            raise errors.pop(0)


def publisher(producer: ScriptedProducer, stop: threading.Event | None = None) -> PartitionPublisher:
    patience = Patience(ManualClock(), stop or threading.Event(), 60.0)
    return with_patience(producer, patience)


def with_patience(producer: ScriptedProducer, patience: Patience) -> PartitionPublisher:
    transactional = TransactionalProducer(cast(Producer, producer), fenced=FENCED_SENTENCE, patience=patience)
    return PartitionPublisher(transactional, 3, patience)


def test_publish_is_one_transaction() -> None:
    producer = ScriptedProducer()
    publisher(producer).publish([OUTPUT, OUTPUT])
    assert producer.calls == ["begin", "produce", "produce", "commit"]


def test_publish_of_nothing_opens_no_transaction() -> None:
    producer = ScriptedProducer()
    publisher(producer).publish([])
    assert producer.calls == []


def test_commit_that_timed_out_is_made_again() -> None:
    producer = ScriptedProducer(commit=[RETRIABLE, RETRIABLE])
    publisher(producer).publish([OUTPUT])
    assert producer.calls == ["begin", "produce", "commit", "commit", "commit"]


@pytest.mark.parametrize("at", ["produce", "commit"])
def test_transaction_that_must_be_aborted_starts_from_its_beginning(at: str) -> None:
    producer = ScriptedProducer(**{at: [ABORTABLE]}, abort=[RETRIABLE])
    publisher(producer).publish([OUTPUT])
    assert producer.calls.count("abort") == 2
    assert producer.calls[-3:] == ["begin", "produce", "commit"]
    assert producer.committed == ["protiv.jobs"]


def test_produce_refused_by_a_doomed_transaction_starts_from_its_beginning() -> None:
    producer = ScriptedProducer(produce=[error(KafkaError._STATE)])
    publisher(producer).publish([OUTPUT])
    assert producer.committed == ["protiv.jobs"]


def test_full_queue_is_waited_for() -> None:
    producer = ScriptedProducer(produce=[BufferError()])
    publisher(producer).publish([OUTPUT])
    assert producer.calls == ["begin", "produce", "poll", "produce", "commit"]


@pytest.mark.parametrize("at", ["begin", "produce", "commit"])
@pytest.mark.parametrize("code", [KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH])
def test_fenced_writer_ends(at: str, code: int) -> None:
    with pytest.raises(FencedError, match="Another streams process"):
        publisher(ScriptedProducer(**{at: [error(code, fatal=True)]})).publish([OUTPUT])


def test_writer_fenced_while_it_aborts_ends() -> None:
    with pytest.raises(FencedError):
        publisher(ScriptedProducer(commit=[ABORTABLE], abort=[FENCED])).publish([OUTPUT])


@pytest.mark.parametrize("fatal", [True, False])
def test_error_that_cannot_pass_ends(fatal: bool) -> None:
    failing = ScriptedProducer(produce=[error(KafkaError.MSG_SIZE_TOO_LARGE, fatal=fatal)])
    with pytest.raises(FatalError):
        publisher(failing).publish([OUTPUT])


def test_outage_that_lasts_ends() -> None:
    with pytest.raises(FatalError, match="Gave up after 60 s"):
        publisher(ScriptedProducer(commit=[RETRIABLE] * 1000)).publish([OUTPUT])


def test_outage_of_a_partition_given_up_is_left() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        publisher(ScriptedProducer(commit=[RETRIABLE] * 1000), stop).publish([OUTPUT])


@pytest.mark.parametrize("failure", [None, RETRIABLE])
def test_close_aborts_and_never_fails(failure: KafkaException | None) -> None:
    producer = ScriptedProducer(abort=[failure] if failure else [])
    publisher(producer).close()
    assert producer.calls == ["purge", "abort"]


def test_waiting_is_told() -> None:
    waits: list[None] = []
    on_wait: Callable[[], None] = lambda: waits.append(None)  # noqa: E731 - as short as it gets
    patience = Patience(ManualClock(), threading.Event(), 60.0, on_wait)
    producer = ScriptedProducer(commit=[RETRIABLE, RETRIABLE])
    with_patience(producer, patience).publish([OUTPUT])
    assert len(waits) == 2
