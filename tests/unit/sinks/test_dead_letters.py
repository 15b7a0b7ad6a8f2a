"""A dead letter counts as delivered when the brokers said so, and not before."""

from __future__ import annotations

import pytest

from core.errors import FatalError, IntegrationError, InvalidRecordError, RetriableError
from core.topics import DEAD_LETTERS
from sinks.dead_letters import KafkaDeadLetters
from sinks.read_rows import Rejection
from tests.unit.sinks.factories import message, record
from tests.unit.sinks.fakes import HandClock, PlayedProducer, report


def rejections(count: int) -> list[Rejection]:
    error = InvalidRecordError("too odd")
    return [Rejection(message(record(entity_id=str(n)), n), error) for n in range(count)]


def test_deliver_returns_when_the_brokers_have_every_dead_letter() -> None:
    producer = PlayedProducer(None, None, None)
    KafkaDeadLetters(producer, HandClock()).deliver(rejections(3))
    assert [(each["topic"], each["partition"]) for each in producer.sent] == [(DEAD_LETTERS, 0)] * 3
    assert producer.reported == 3


@pytest.mark.parametrize(
    ("producer", "raised"),
    [
        (PlayedProducer(None, report("_MSG_TIMED_OUT")), RetriableError),
        (PlayedProducer(None, report("NOT_LEADER_FOR_PARTITION")), RetriableError),
        (PlayedProducer(None, report("MSG_SIZE_TOO_LARGE")), FatalError),
        (PlayedProducer(None, report("TOPIC_AUTHORIZATION_FAILED")), FatalError),
        (PlayedProducer(None, unsent=1), RetriableError),
        (PlayedProducer(unsent=2), RetriableError),
        (PlayedProducer(full=True), RetriableError),
    ],
)
def test_deliver_raises_while_one_dead_letter_may_not_be_safe(
    producer: PlayedProducer, raised: type[IntegrationError]
) -> None:
    with pytest.raises(raised):
        KafkaDeadLetters(producer, HandClock()).deliver(rejections(2))
