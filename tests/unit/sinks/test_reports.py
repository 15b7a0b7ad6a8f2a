"""Reports of the Kafka client: which pass by themselves and which must end the process."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from core.errors import FatalError
from sinks.fetch import Report, report_of


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("_PARTITION_EOF", Report.END_OF_PARTITION),
        ("_AUTO_OFFSET_RESET", Report.OUT_OF_RANGE),
        ("_ALL_BROKERS_DOWN", Report.PASSING),
        ("UNKNOWN_TOPIC_OR_PART", Report.PASSING),
    ],
)
def test_report_of_a_known_report(name: str, report: Report) -> None:
    assert report_of(KafkaError(getattr(KafkaError, name))) is report


def test_report_of_an_unknown_report_ends_the_process() -> None:
    with pytest.raises(FatalError, match="TOPIC_AUTHORIZATION_FAILED"):
        report_of(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


def test_report_of_a_fatal_report_ends_the_process() -> None:
    with pytest.raises(FatalError):
        report_of(KafkaError(KafkaError._FATAL, "fenced", fatal=True))
