"""Left-over rows: live rows whose key their topic no longer has, because a deletion came and went while nobody read.

First what to do about them, which is pure; then the part in Postgres: when a partition was last merged to its end, and
the deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Protocol

import psycopg

from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.topics import entity_key, partition_for, split_key
from schemas.entities import ENTITIES
from sinks import statements
from sinks.columns import CanonicalTable, canonical_table
from sinks.merge import Change, Changes
from sinks.messages import Message, PartitionClaim, TopicPartition
from sinks.statements import SQL
from sinks.writer import PostgresStore, notify

_TABLES = {entity.canonical_topic: canonical_table(entity) for entity in ENTITIES}

# More than both of a company's rows are not deleted without a person, nor are all of them.
BRAKE_SHARE = 0.10
BRAKE_ROWS = 20


@dataclass(slots=True)
class TopicKeys:
    """What a read of a whole partition found: keys that end in a value, and the highest version of each company.

    A deletion record counts as a value: it is merged like any other. Only a key without any means a lost deletion.
    """

    present: set[bytes] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)

    def add(self, messages: Iterable[Message]) -> None:
        """Take records in the order of their offsets."""
        for message in messages:
            key = message.key()
            if not key:
                continue
            if message.value() is None:
                self.present.discard(key)
            else:
                self.present.add(key)
            self._note_version(message, key)

    def _note_version(self, message: Message, key: bytes) -> None:
        try:
            version = RecordHeaders.decode(message.headers()).version
            company_id = split_key(key)[0]
        except InvalidRecordError:
            return
        if version > self.versions.get(company_id, -1):
            self.versions[company_id] = version


class LiveRow(NamedTuple):
    """A row that is not deleted."""

    entity_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a company's left-over rows: those to delete, and how many only a person may delete."""

    delete: tuple[LiveRow, ...] = ()
    held: int = 0


def decide(company_id: str, rows: Sequence[LiveRow], keys: TopicKeys) -> Decision:
    """`rows`: all live ones of the company that came from this topic. What is not older than the topic is held."""
    missing = [row for row in rows if entity_key(company_id, row.entity_id) not in keys.present]
    if not missing:
        return Decision()
    many = len(missing) > BRAKE_ROWS and len(missing) > BRAKE_SHARE * len(rows)
    if many or len(missing) == len(rows):
        return Decision(held=len(missing))
    highest = keys.versions.get(company_id, -1)
    delete = tuple(row for row in missing if row.version < highest)
    return Decision(delete, len(missing) - len(delete))


@dataclass(slots=True)
class Compared:
    """What a comparison did: rows deleted of each company, and how many of each are held for a person."""

    deleted: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)


class OverdueRows(Protocol):
    """The tables, as the overdue check needs them. Each raises RetriableError when Postgres does not answer."""

    def overdue(
        self, claims: Mapping[TopicPartition, PartitionClaim], kept_s: Mapping[str, float]
    ) -> dict[TopicPartition, datetime]:
        """The partitions that were last merged to their end longer ago than deletions are kept, and when."""

    def caught_up(self, claims: Mapping[TopicPartition, PartitionClaim]) -> None:
        """All that is on these partitions is merged, now."""

    def delete_left_overs(
        self, at: TopicPartition, claim: PartitionClaim, merged: int, keys: TopicKeys
    ) -> Compared | None:
        """Delete what the topic no longer has, within the brake; None if another sink has claimed the partition."""


class PostgresOverdueRows:
    """Over the connection of the sink's own store."""

    def __init__(self, store: PostgresStore, partitions: int) -> None:
        """`partitions`: how many the topics have."""
        self._store = store
        self._partitions = partitions

    def overdue(
        self, claims: Mapping[TopicPartition, PartitionClaim], kept_s: Mapping[str, float]
    ) -> dict[TopicPartition, datetime]:
        """See OverdueRows."""
        values = _claimed(claims) | {"kept_s": [kept_s[at.topic] for at in claims]}
        found = self._store.in_transaction(lambda connection: connection.execute(SQL["overdue"], values).fetchall())
        return {TopicPartition(topic, number): since for topic, number, since in found}

    def caught_up(self, claims: Mapping[TopicPartition, PartitionClaim]) -> None:
        """See OverdueRows."""
        self._store.in_transaction(lambda connection: connection.execute(SQL["caught_up"], _claimed(claims)))

    def delete_left_overs(
        self, at: TopicPartition, claim: PartitionClaim, merged: int, keys: TopicKeys
    ) -> Compared | None:
        """See OverdueRows."""
        return self._store.in_transaction(partial(self._compare, at, claim, merged, keys))

    def _compare(
        self,
        at: TopicPartition,
        claim: PartitionClaim,
        merged: int,
        keys: TopicKeys,
        connection: psycopg.Connection[Any],
    ) -> Compared | None:
        lock = {"topic_id": claim.topic_id, "partition": at.partition, "claim": claim.number, "merged": merged}
        if connection.execute(SQL["lock_partition"], lock).fetchone() is None:
            return None
        table, changes, compared = _TABLES[at.topic], Changes(), Compared()
        came = {"generation": claim.generation, "merged": merged}
        for (company_id,) in connection.execute(statements.companies(table)).fetchall():
            if partition_for(company_id, self._partitions) != at.partition:
                continue
            own = came | {"company_id": company_id}
            rows = [LiveRow(*row) for row in connection.execute(statements.live_rows(table), own).fetchall()]
            decision = decide(company_id, rows, keys)
            if decision.held:
                compared.held[company_id] = decision.held
            if decision.delete:
                compared.deleted[company_id] = _delete(connection, table, company_id, decision, changes)
        notify(connection, changes)
        return compared


def _delete(
    connection: psycopg.Connection[Any], table: CanonicalTable, company_id: str, decision: Decision, changes: Changes
) -> int:
    values = {
        "company_id": company_id,
        "ids": [row.entity_id for row in decision.delete],
        "versions": [row.version for row in decision.delete],
    }
    deleted = connection.execute(statements.delete_rows(table), values).fetchall()
    for version, observed_at in deleted:
        changes.setdefault((company_id, table.entity.name), Change()).add(1, version, observed_at)
    return len(deleted)


def _claimed(claims: Mapping[TopicPartition, PartitionClaim]) -> dict[str, list[Any]]:
    return {
        "topic_ids": [claim.topic_id for claim in claims.values()],
        "partitions": [at.partition for at in claims],
        "claims": [claim.number for claim in claims.values()],
    }
