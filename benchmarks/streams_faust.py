"""Contender of benchmarks.streams: Faust as its documentation shows it, an agent that takes event by event."""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import faust

from benchmarks.streams_lookup import Lookup
from core.settings import load_settings
from schemas.entities import TIME_ENTRIES
from schemas.registry import ConfluentRegistry


def main(topic: str) -> None:
    """Write to `topic` until the process is ended."""
    settings = load_settings()
    lookup = Lookup.filled(settings, ConfluentRegistry(settings))
    app = faust.App(
        "benchmark-faust",
        broker=f"kafka://{settings.kafka_bootstrap_servers}",
        datadir=tempfile.mkdtemp(prefix="benchmark-faust-"),
        store="memory://",
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    raw, out = (
        app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        for name in (TIME_ENTRIES.raw_topic, topic)
    )

    @app.agent(raw)
    async def link(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            value = lookup.linked(message.value)
            await out.send(key=message.key, value=value, partition=message.partition, headers=message.headers)

    faust.Worker(app, loglevel="WARNING").execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1])
