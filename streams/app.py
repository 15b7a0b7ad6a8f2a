"""The Faust app: five raw topics as bytes, committed records only, drained in bulk; no tables, no web server."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import faust
from faust.types import TP

from core.settings import Settings
from schemas.catalogue import ENTITIES, Entity
from streams.consumer import CommittedConsumer, CommittedTransport, Delivery

COMMIT_INTERVAL_S = 0.25
MAX_DELIVERY = 4_000
# A topic's, all partitions together; what waits here is held twice, by the client as well.
QUEUED_DELIVERIES = 4


class StreamsApp(faust.App):
    """Faust with the committed-only consumer."""

    def _new_transport(self) -> Any:
        return CommittedTransport(self.conf.broker_consumer, self)

    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset to fetch of each assigned (topic, partition)."""
        consumer = self._consumer
        return consumer.positions() if isinstance(consumer, CommittedConsumer) else {}

    def uncommitted(self) -> bool:
        """Whether offsets are acknowledged and not committed yet."""
        consumer = self._consumer
        return isinstance(consumer, CommittedConsumer) and consumer.uncommitted()

    def acknowledge(self, delivery: Delivery) -> None:
        """See CommittedConsumer."""
        consumer = self._consumer
        assert isinstance(consumer, CommittedConsumer)
        consumer.acknowledge(delivery)

    def is_current(self, delivery: Delivery) -> bool:
        """See CommittedConsumer."""
        consumer = self._consumer
        assert isinstance(consumer, CommittedConsumer)
        return consumer.is_current(delivery)

    def committed_offsets(self) -> dict[TP, int]:
        """The offsets committed by this process."""
        return dict(self.monitor.tp_committed_offsets)


def build_app(settings: Settings, *, group_id: str, data_dir: Path) -> StreamsApp:
    """An app that is not started yet."""
    return StreamsApp(
        group_id,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka_bootstrap_servers.split(",")],
        broker_credentials=_credentials(settings),
        datadir=str(data_dir),
        store="memory://",
        autodiscover=False,
        key_serializer="raw",
        value_serializer="raw",
        processing_guarantee="at_least_once",
        broker_commit_interval=COMMIT_INTERVAL_S,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=3.0,
        broker_request_timeout=30.0,
        broker_max_poll_records=MAX_DELIVERY,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=2 * 1024 * 1024,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )


def subscribe(app: StreamsApp) -> dict[Entity, asyncio.Queue[Delivery]]:
    """Subscribe to the raw topics; returns the queues that their records will come by. Call it before the app starts.

    Topics that are added later are subscribed to 45 seconds late.
    """
    queues: dict[Entity, asyncio.Queue[Delivery]] = {}
    for entity in ENTITIES:
        topic = app.topic(
            entity.raw_topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        # Opening a stream of the topic is what subscribes.
        topic.__aiter__()
        queues[entity] = asyncio.Queue(QUEUED_DELIVERIES)
    consumer = app.consumer
    assert isinstance(consumer, CommittedConsumer)
    consumer.deliver_to({entity.raw_topic: queue for entity, queue in queues.items()})
    return queues


def _credentials(settings: Settings) -> Any:
    protocol = settings.kafka_security_protocol
    context = None
    if protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=settings.kafka_ssl_ca_location or None)
    if protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_sasl_username,
            password=settings.kafka_sasl_password.get_secret_value(),
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
