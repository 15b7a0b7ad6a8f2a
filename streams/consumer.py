"""The Faust app and its Kafka consumer: committed records only, whole fetches at once, no tables, no web server.

Faust reads committed records only together with its own transactions, and delivers record by record, with two tasks of
the event loop for each, which cost more than all of our own work. Here each process gets the same partition numbers of
all topics, and offsets are acknowledged delivery by delivery, in order.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiokafka
import faust
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError
from faust.transport.consumer import ensure_TP
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    Consumer,
    Transport,
    credentials_to_aiokafka_auth,
    server_list,
)
from faust.types import TP

from core.settings import Settings
from schemas.entities import ENTITIES, Entity

COMMIT_INTERVAL_S = 0.25
MAX_DELIVERY = 4_000
# Of a topic, all its partitions together. What waits here is in memory twice, since the client holds it as well.
QUEUED_DELIVERIES = 4
_FETCH_TIMEOUT_S = 1.0


class CommittedConsumerThread(AIOKafkaConsumerThread):
    """Builds the client as Faust does, except for isolation level and assignor."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=server_list(transport.url, transport.default_port),
            # Faust's assignor needs changelog topics; aiokafka's round robin would spread a company over processes.
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=_ms(conf.broker_max_poll_interval),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=500,
            request_timeout_ms=_ms(conf.broker_request_timeout),
            session_timeout_ms=_ms(conf.broker_session_timeout),
            rebalance_timeout_ms=_ms(conf.broker_rebalance_timeout),
            heartbeat_interval_ms=_ms(conf.broker_heartbeat_interval),
            **credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset to fetch of each assigned partition, 0 where it is not known yet."""
        subscription = self._consumer and self._consumer._subscription.subscription
        assignment = subscription and subscription.assignment
        if not assignment:
            return {}
        fetched = assignment.all_consumed_offsets()
        return {(tp.topic, tp.partition): fetched[tp].offset if tp in fetched else 0 for tp in assignment.tps}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records of one partition in the order of their offsets; `after` is the end of the previous delivery, if any."""

    tp: TP
    records: Sequence[Any]
    generation: int
    after: int | None

    @property
    def end(self) -> int:
        """The offset behind the last record."""
        return int(self.records[-1].offset) + 1


class CommittedConsumer(Consumer):
    """Faust's consumer with the thread above; it puts whole fetches into a queue of each topic."""

    _thread: CommittedConsumerThread

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._queues: dict[str, asyncio.Queue[Delivery]] = {}
        self._generation = 0
        self._delivered: dict[TP, int] = {}
        self._acknowledged: dict[TP, int] = {}

    def deliver_to(self, queues: dict[str, asyncio.Queue[Delivery]]) -> None:
        """Put what is fetched of each topic into its queue."""
        self._queues = queues

    def acknowledge(self, delivery: Delivery) -> None:
        """Allow its offsets to be committed, if all before it are acknowledged and its partition is still assigned."""
        if self.is_current(delivery) and self._acknowledged.get(delivery.tp) == delivery.after:
            self._acknowledged[delivery.tp] = delivery.end

    def is_current(self, delivery: Delivery) -> bool:
        """Whether it is of the present assignment; if not, its records are delivered again, here or elsewhere."""
        return delivery.generation == self._generation

    def positions(self) -> dict[tuple[str, int], int]:
        """See CommittedConsumerThread."""
        return self._thread.positions()

    def uncommitted(self) -> bool:
        """Whether offsets are acknowledged and not committed yet."""
        return any(self._should_commit(tp, end) for tp, end in list(self._acknowledged.items()))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was delivered: it is delivered again to the process that is assigned the partition next."""
        self._forget()
        await super().on_partitions_revoked(revoked)

    def _forget(self) -> None:
        self._generation += 1
        self._delivered.clear()
        self._acknowledged.clear()
        for queue in self._queues.values():
            while not queue.empty():
                queue.get_nowait()

    def _new_consumer_thread(self) -> CommittedConsumerThread:
        return CommittedConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._acknowledged) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._acknowledged.get(tp)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Fetch and deliver until the consumer or its fetcher stops."""
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self._fetch()
                # A fetch whose records are there already never yields to the event loop.
                await self.sleep(0)
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise

    async def _fetch(self) -> None:
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        generation = self._generation
        fetched, _ = await self._wait_next_records(_FETCH_TIMEOUT_S)
        if not fetched or self.should_stop:
            return
        if not self.flow_active or generation != self._generation:
            # Partitions were reassigned meanwhile, and these records may be another process's now: fetch again.
            self._forget()
            await self.perform_seek()
            return
        for tp, records in fetched.items():
            if generation == self._generation:
                await self._deliver(ensure_TP(tp), records)

    async def _deliver(self, tp: TP, records: Sequence[Any]) -> None:
        delivery = Delivery(tp, records, self._generation, self._delivered.get(tp))
        self._delivered[tp] = delivery.end
        # A full queue stops the fetching of all partitions; a rebalance ends the wait.
        await self.wait_first(self._queues[tp.topic].put(delivery), self.suspend_flow.wait())


class CommittedTransport(Transport):
    """Faust's transport with the consumer above."""

    Consumer = CommittedConsumer


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


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
    """Subscribe to the raw topics; returns the queues of their deliveries. Call it before the app starts.

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
