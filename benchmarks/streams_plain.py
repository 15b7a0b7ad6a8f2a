"""Contender of benchmarks.streams: consume in bulk, decode, look up, encode, produce, commit after a flush."""

from __future__ import annotations

import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from benchmarks.streams_lookup import Lookup
from core.kafka.config import consumer_config, producer_config
from core.settings import load_settings
from schemas.entities import TIME_ENTRIES
from schemas.registry import ConfluentRegistry

_BATCH = 4_000


def main(topic: str, total: int) -> None:
    """Write `total` records to `topic`."""
    settings = load_settings()
    lookup = Lookup.filled(settings, ConfluentRegistry(settings))
    consumer = Consumer(consumer_config(settings, "benchmark-plain"))
    producer = Producer(producer_config(settings) | {"queue.buffering.max.messages": 1_000_000})
    raw = TIME_ENTRIES.raw_topic
    consumer.assign([TopicPartition(raw, number, OFFSET_BEGINNING) for number in range(settings.entity_partitions)])
    done = 0
    while done < total:
        messages = [each for each in consumer.consume(_BATCH, timeout=1.0) if each.error() is None]
        for message in messages:
            value = message.value()
            assert value is not None
            partition = message.partition()
            assert partition is not None
            producer.produce(
                topic, key=message.key(), value=lookup.linked(value), headers=message.headers(), partition=partition
            )
        producer.flush()
        if messages:
            consumer.commit(message=messages[-1], asynchronous=False)
        done += len(messages)
    consumer.close()
    # Its CPU time is still read after that: wait until it is ended.
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
