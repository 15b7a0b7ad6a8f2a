"""Writes batches to Postgres: rows, dead letters and next offsets together, and only while the claim holds.

The connection belongs to one thread at a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

import psycopg
from psycopg.errors import LockNotAvailable

from core.dead_letters.share import PARKED, BatchShare, DeadLetterShare, company_of
from core.errors import FencedError, IntegrationError
from core.log import get_logger
from core.postgres import Session, connect
from schemas.entities import ENTITIES
from sinks import statements
from sinks.columns import CanonicalTable, canonical_table
from sinks.database_errors import sorted_error
from sinks.dead_letters import DeadLetters
from sinks.merge import BatchMerge, Changes
from sinks.messages import Batch, OffsetUpdate, PartitionClaim, TopicPartition, rejected
from sinks.read_rows import Read, RecordReader, Rejection
from sinks.statements import SQL

log = get_logger(__name__)

TABLES = tuple(canonical_table(entity) for entity in ENTITIES)

# A sink that froze in a transaction blocks its successor for as long as these allow. Waiting for dead letters, 15 s at
# most, is the longest that a transaction may be idle.
SESSION = Session("protiv-sink", statement_s=30, lock_s=5, idle_in_transaction_s=20, answer_s=20, connect_s=5)

Reads = Mapping[CanonicalTable, Read]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Written:
    """What a committed batch did. `stale` counts, by entity, the rows for which the table already had a newer one."""

    changes: Changes
    stale: Mapping[str, int]
    rejected: Mapping[str, int]
    skipped: int


class Store(Protocol):
    """Where batches go."""

    def claim(
        self, topic_ids: Mapping[str, UUID], partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, PartitionClaim]:
        """Take partitions over from whoever held them; where to continue. Raises RetriableError."""

    def read(self, batch: Batch) -> Reads:
        """What must be written for a batch. It may run during the other two. Raises RetriableError."""

    def write(self, batch: Batch, reads: Reads) -> Written:
        """Merge and commit. FencedError if another claimed a partition; RetriableError to try the same batch again."""

    def close(self) -> None:
        """Close the connection."""


class PostgresStore:
    """Schema `protiv` over one connection, opened when needed and closed after any error."""

    def __init__(
        self, database_url: str, *, reader: RecordReader, dead_letters: DeadLetters, share: DeadLetterShare
    ) -> None:
        """`share` is the process's: the records of one company may be read by several loops."""
        self._database_url = database_url
        self._reader = reader
        self._dead_letters = dead_letters
        self._share = share
        self._connection: psycopg.Connection[Any] | None = None
        self._may_insert = False

    def claim(
        self, topic_ids: Mapping[str, UUID], partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, PartitionClaim]:
        """See Store."""
        try:
            with self._connected().transaction():
                return {at: self._claim(at, topic_ids[at.topic]) for at in sorted(partitions)}
        except psycopg.Error as exc:
            raise self._failed(exc) from exc

    def read(self, batch: Batch) -> Reads:
        """See Store."""
        return {
            table: self._reader.read(table, batch.messages[table.topic])
            for table in TABLES
            if batch.messages.get(table.topic)
        }

    def write(self, batch: Batch, reads: Reads) -> Written:
        """See Store."""
        share = self._share.batch(_seen(reads))
        try:
            with self._connected().transaction():
                written = self._write(batch, reads, share)
        except psycopg.Error as exc:
            raise self._failed(exc) from exc
        share.commit()
        return written

    def in_transaction(self, work: Callable[[psycopg.Connection[Any]], _T]) -> _T:
        """Do `work` in a transaction of its own. RetriableError to try again."""
        try:
            with self._connected().transaction():
                return work(self._connected())
        except psycopg.Error as exc:
            raise self._failed(exc) from exc

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _failed(self, exc: psycopg.Error) -> IntegrationError:
        """What to raise; the connection is closed, and a frozen sink that holds a lock is ended."""
        try:
            if isinstance(exc, LockNotAvailable) and self._connection is not None:
                frozen = {"name": SESSION.name, "after_s": SESSION.statement_s}
                row = self._connection.execute(SQL["end_frozen"], frozen).fetchone()
                log.info("frozen_sinks_ended", ended=row and row[0])
        except psycopg.Error as failure:
            log.warning("frozen_sinks_not_ended", reason=str(sorted_error(failure)))
        finally:
            self.close()
        return sorted_error(exc)

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            connection = connect(self._database_url, SESSION)
            self._connection = connection
            for table in TABLES:
                connection.execute(statements.create_staging(table))
            names = [f"{statements.SCHEMA}.{table.name}" for table in TABLES]
            self._may_insert = connection.execute(SQL["is_bound"], {"tables": names}).fetchone() == (False,)
        return self._connection

    def _claim(self, at: TopicPartition, topic_id: UUID) -> PartitionClaim:
        values = {"topic_id": topic_id, "topic": at.topic, "partition": at.partition}
        row = self._connected().execute(SQL["claim"], values).fetchone()
        assert row is not None
        next_offset, generation, number = row
        return PartitionClaim(topic_id, generation, number, next_offset)

    def _write(self, batch: Batch, reads: Reads, share: BatchShare) -> Written:
        connection = self._connected()
        merge = BatchMerge(connection, self._may_insert, share)
        # The offsets first: their rows are locked, so a successor's claim waits for this transaction's end.
        if self._update_offsets(batch.updates):
            for table, read in reads.items():
                merge.reject(read.rejections)
                for rows in read.rows:
                    merge.add(table, rows, generation=batch.generation(table.topic))
            if merge.rejections:
                # In the order in which they were published, so that they can be put through again in it.
                rejections = sorted(merge.rejections, key=_place)
                self._dead_letters.deliver(rejections)
                _log(rejections)
            notify(connection, merge.changes)
        else:
            share.forget()
        return _written(merge, reads)

    def _update_offsets(self, updates: Sequence[OffsetUpdate]) -> bool:
        """Whether the offsets were updated now; False if this very batch was committed and the answer got lost."""
        values = {
            "topic_ids": [update.claim.topic_id for update in updates],
            "partitions": [update.at.partition for update in updates],
            "claims": [update.claim.number for update in updates],
            "expected": [update.expected for update in updates],
            "next_offsets": [update.next_offset for update in updates],
        }
        connection = self._connected()
        if connection.execute(SQL["update_offsets"], values).rowcount == len(updates):
            return True
        row = connection.execute(SQL["count_updated"], values).fetchone()
        if row == (len(updates),):
            return False
        raise FencedError("Another sink took over a partition of this one; this one ends without writing more.")


def _place(rejection: Rejection) -> tuple[str, int, int]:
    record = rejected(rejection.message)
    return record.topic, record.partition, record.offset


def _seen(reads: Reads) -> Counter[str]:
    """How many records of a batch each company has; those that a newer one of the batch replaces count for nothing."""
    seen: Counter[str] = Counter()
    for read in reads.values():
        for rows in read.rows:
            seen += rows.companies()
        seen.update(company_of(each.message.key(), dict(each.message.headers() or ())) for each in read.rejections)
    return seen


def _log(rejections: Sequence[Rejection]) -> None:
    waiting = sum(rejection.error.error_class == PARKED for rejection in rejections)
    if waiting:
        log.warning("parked_records_dead_lettered", count=waiting)
    for rejection in rejections:
        if rejection.error.error_class == PARKED:
            continue
        log.warning(
            "record_dead_lettered",
            topic=rejection.message.topic(),
            partition=rejection.message.partition(),
            offset=rejection.message.offset(),
            error_class=rejection.error.error_class,
            reason=rejection.error.reason,
        )


def notify(connection: psycopg.Connection[Any], changes: Changes) -> None:
    """Send what changed to the listeners of CHANNEL, when the transaction is committed."""
    payloads = [
        json.dumps({"company_id": company_id, "entity": entity, "count": change.count, "version": change.version})
        for (company_id, entity), change in sorted(changes.items())
    ]
    if payloads:
        connection.execute(SQL["notify"], {"channel": statements.CHANNEL, "payloads": payloads})


def _written(merge: BatchMerge, reads: Reads) -> Written:
    merged: dict[str, int] = {}
    for (_, entity), change in merge.changes.items():
        merged[entity] = merged.get(entity, 0) + change.count
    refused: dict[str, int] = {}
    for rejection in merge.rejections:
        topic = str(rejection.message.topic())
        refused[topic] = refused.get(topic, 0) + 1
    return Written(
        changes=merge.changes,
        stale={entity: count - merged.get(entity, 0) for entity, count in merge.staged.items()},
        rejected=refused,
        skipped=sum(read.skipped for read in reads.values()),
    )
