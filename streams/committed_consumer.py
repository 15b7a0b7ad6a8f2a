"""Faust's Kafka consumer, reading committed records only and keeping a partition number together over all topics.

Faust offers read-committed only with its own transactions. This replaces the one method that builds the client.
"""

from __future__ import annotations

from typing import Any

import aiokafka
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    Consumer,
    Transport,
    credentials_to_aiokafka_auth,
    server_list,
)


class CommittedConsumerThread(AIOKafkaConsumerThread):
    """Builds the client as Faust does, save for isolation level and assignor."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=server_list(transport.url, transport.default_port),
            # Faust's own assignor wants changelog topics; aiokafka's round robin would part a company's topics.
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
        subscription = self._consumer and self._consumer._subscription.subscription  # noqa: SLF001 - as Faust itself does
        assignment = subscription and subscription.assignment
        if not assignment:
            return {}
        fetched = assignment.all_consumed_offsets()
        return {(tp.topic, tp.partition): fetched[tp].offset if tp in fetched else 0 for tp in assignment.tps}


class CommittedConsumer(Consumer):
    """Faust's consumer on the thread above."""

    _thread: CommittedConsumerThread

    def _new_consumer_thread(self) -> CommittedConsumerThread:
        return CommittedConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def positions(self) -> dict[tuple[str, int], int]:
        """See CommittedConsumerThread."""
        return self._thread.positions()

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Note the offsets of transaction markers, which are never delivered and so never acknowledged.

        Faust counts the record behind a gap to the gap as well. That record then stands twice among the acknowledged
        ones and ends the run of consecutive offsets: each commit would pass one transaction only.
        """
        await super()._add_gap(tp, offset_from, offset_to - 1)

    def uncommitted(self) -> bool:
        """Whether offsets are acknowledged and not committed yet."""
        return any(list(self._acked.values()))


class CommittedTransport(Transport):
    """Faust's transport with the consumer above."""

    Consumer = CommittedConsumer


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
