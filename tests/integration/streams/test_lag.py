"""The lag that the watchdog uses: what a committed reader can still read, without markers of transactions."""

from __future__ import annotations

from confluent_kafka import Consumer, TopicPartition

from core.kafka.config import consumer_config
from schemas.entities import JOBS
from streams.watchdog import ReadableLag
from tests.fix_stack import Stack
from tests.integration.streams.conftest import Bench
from tests.integration.streams.fix_streams import eventually
from tests.unit.streams.factories import job


def test_lag_counts_what_can_be_read(stack: Stack, bench: Bench) -> None:
    place = JOBS.raw_topic, bench.raw.partition
    consumer = Consumer(consumer_config(stack.settings, "test-lag"))
    _, end = consumer.get_watermark_offsets(TopicPartition(*place), timeout=30)
    consumer.close()
    lag = ReadableLag(stack.settings)
    assert lag.of({place: end}) == 0
    bench.writer.write(bench.raw.put(JOBS, job(1)), bench.raw.put(JOBS, job(2)))
    # The broker writes the marker a moment after the commit returned; it counts as an offset.
    eventually(lambda: lag.of({place: end}) == 3, lambda: str(lag.of({place: end})))
    assert lag.of({place: end + 3}) == 0
    assert lag.of({}) == 0


def test_lag_is_unknown_while_brokers_are_away(stack: Stack) -> None:
    away = stack.with_settings(kafka_bootstrap_servers="127.0.0.1:9")
    assert ReadableLag(away).of({("buildertrend.jobs", 0): 5}) is None
