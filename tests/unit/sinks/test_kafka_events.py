"""Reports of the Kafka client: which pass by themselves and which must end the process."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from core.errors import FatalError
from sinks.kafka_events import Event, event_of


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("_PARTITION_EOF", Event.END_OF_PARTITION),
        ("_AUTO_OFFSET_RESET", Event.OUT_OF_RANGE),
        ("_ALL_BROKERS_DOWN", Event.PASSING),
        ("UNKNOWN_TOPIC_OR_PART", Event.PASSING),
    ],
)
def test_event_of_a_known_report(name: str, event: Event) -> None:
    assert event_of(KafkaError(getattr(KafkaError, name))) is event


def test_event_of_an_unknown_report_ends_the_process() -> None:
    with pytest.raises(FatalError, match="TOPIC_AUTHORIZATION_FAILED"):
        event_of(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


def test_event_of_a_fatal_report_ends_the_process() -> None:
    with pytest.raises(FatalError):
        event_of(KafkaError(KafkaError._FATAL, "fenced", fatal=True))
