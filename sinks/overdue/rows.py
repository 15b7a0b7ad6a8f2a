"""The overdue check's part in Postgres: when a partition was last merged to its end, and the rows that go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import psycopg
from psycopg import sql

from core.topics import partition_for
from schemas.catalogue import ENTITIES
from sinks.columns import CanonicalTable, canonical_table
from sinks.merge import Change, Changes
from sinks.messages import Claim, TopicPartition
from sinks.overdue.judge import LiveRow, TopicKeys, Verdict, judge
from sinks.statements import SCHEMA
from sinks.writer import PostgresStore, notify

_TABLES = {entity.canonical_topic: canonical_table(entity) for entity in ENTITIES}

_OVERDUE = """
SELECT held.topic, held.partition, held.caught_up_at
FROM protiv.sink_offsets AS held
JOIN unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(claims)s::bigint[], %(kept_s)s::float8[])
  AS claimed (topic_id, partition, claim, kept_s)
  ON held.topic_id = claimed.topic_id AND held.partition = claimed.partition AND held.claim = claimed.claim
WHERE held.caught_up_at < now() - make_interval(secs => claimed.kept_s)
"""
# Written every few minutes only: it is compared with weeks.
_CAUGHT_UP = """
UPDATE protiv.sink_offsets AS held SET caught_up_at = now()
FROM unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(claims)s::bigint[]) AS claimed (topic_id, partition, claim)
WHERE held.topic_id = claimed.topic_id AND held.partition = claimed.partition AND held.claim = claimed.claim
  AND held.caught_up_at < now() - interval '5 minutes'
"""
# Whoever claims the partition meanwhile waits for this transaction's end; whoever did before left nothing to lock.
_LOCK = """
SELECT true FROM protiv.sink_offsets
WHERE topic_id = %(topic_id)s AND partition = %(partition)s AND claim = %(claim)s AND next_offset = %(merged)s
FOR UPDATE
"""


@dataclass(slots=True)
class Compared:
    """What a comparison did: rows deleted of each company, and how many of each are held for a person."""

    deleted: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)


class OverdueRows(Protocol):
    """The tables, as the overdue check needs them. Each raises RetriableError when Postgres does not answer."""

    def overdue(
        self, claims: Mapping[TopicPartition, Claim], kept_s: Mapping[str, float]
    ) -> dict[TopicPartition, datetime]:
        """The partitions that were last merged to their end longer ago than deletions are kept, and when."""

    def caught_up(self, claims: Mapping[TopicPartition, Claim]) -> None:
        """All that is on these partitions is merged, now."""

    def delete_left_overs(self, at: TopicPartition, claim: Claim, merged: int, keys: TopicKeys) -> Compared | None:
        """Delete what the topic no longer has, within the brake; None if the partition is somebody else's by now."""


class PostgresOverdueRows:
    """Over the connection of the sink's own store."""

    def __init__(self, store: PostgresStore, partitions: int) -> None:
        """`partitions`: how many the topics have."""
        self._store = store
        self._partitions = partitions

    def overdue(
        self, claims: Mapping[TopicPartition, Claim], kept_s: Mapping[str, float]
    ) -> dict[TopicPartition, datetime]:
        """See OverdueRows."""
        values = _claimed(claims) | {"kept_s": [kept_s[at.topic] for at in claims]}
        found = self._store.in_transaction(lambda connection: connection.execute(_OVERDUE, values).fetchall())
        return {TopicPartition(topic, number): since for topic, number, since in found}

    def caught_up(self, claims: Mapping[TopicPartition, Claim]) -> None:
        """See OverdueRows."""
        self._store.in_transaction(lambda connection: connection.execute(_CAUGHT_UP, _claimed(claims)))

    def delete_left_overs(self, at: TopicPartition, claim: Claim, merged: int, keys: TopicKeys) -> Compared | None:
        """See OverdueRows."""
        return self._store.in_transaction(partial(self._compare, at, claim, merged, keys))

    def _compare(
        self,
        at: TopicPartition,
        claim: Claim,
        merged: int,
        keys: TopicKeys,
        connection: psycopg.Connection[Any],
    ) -> Compared | None:
        lock = {"topic_id": claim.topic_id, "partition": at.partition, "claim": claim.number, "merged": merged}
        if connection.execute(_LOCK, lock).fetchone() is None:
            return None
        table, changes, compared = _TABLES[at.topic], Changes(), Compared()
        came = {"generation": claim.generation, "merged": merged}
        for (company_id,) in connection.execute(_companies(table)).fetchall():
            if partition_for(company_id, self._partitions) != at.partition:
                continue
            own = came | {"company_id": company_id}
            rows = [LiveRow(*row) for row in connection.execute(_live_rows(table), own).fetchall()]
            verdict = judge(company_id, rows, keys)
            if verdict.held:
                compared.held[company_id] = verdict.held
            if verdict.delete:
                compared.deleted[company_id] = _delete(connection, table, company_id, verdict, changes)
        notify(connection, changes)
        return compared


def _delete(
    connection: psycopg.Connection[Any], table: CanonicalTable, company_id: str, verdict: Verdict, changes: Changes
) -> int:
    values = {
        "company_id": company_id,
        "ids": [row.entity_id for row in verdict.delete],
        "versions": [row.version for row in verdict.delete],
    }
    deleted = connection.execute(_delete_rows(table), values).fetchall()
    for version, observed_at in deleted:
        changes.setdefault((company_id, table.entity.name), Change()).add(1, version, observed_at)
    return len(deleted)


def _companies(table: CanonicalTable) -> sql.Composed:
    return sql.SQL("SELECT DISTINCT company_id FROM {} WHERE deleted_at IS NULL").format(_name(table))


def _live_rows(table: CanonicalTable) -> sql.Composed:
    """Those that came from this creation of the topic, and before what is merged."""
    return sql.SQL(
        "SELECT {id}, version FROM {table} WHERE company_id = %(company_id)s AND deleted_at IS NULL"
        " AND source_generation = %(generation)s AND source_offset < %(merged)s"
    ).format(id=sql.Identifier(table.id_field), table=_name(table))


def _delete_rows(table: CanonicalTable) -> sql.Composed:
    """The version stays: an older record changes nothing, a newer one undoes it."""
    return sql.SQL(
        "UPDATE {table} AS held SET deleted_at = now(), observed_at = now(), updated_at = now()"
        " FROM unnest(%(ids)s::text[], %(versions)s::bigint[]) AS gone (id, version)"
        " WHERE held.company_id = %(company_id)s AND held.{id} = gone.id AND held.version = gone.version"
        " AND held.deleted_at IS NULL RETURNING held.version, held.observed_at"
    ).format(id=sql.Identifier(table.id_field), table=_name(table))


def _name(table: CanonicalTable) -> sql.Identifier:
    return sql.Identifier(SCHEMA, table.name)


def _claimed(claims: Mapping[TopicPartition, Claim]) -> dict[str, list[Any]]:
    return {
        "topic_ids": [claim.topic_id for claim in claims.values()],
        "partitions": [at.partition for at in claims],
        "claims": [claim.number for claim in claims.values()],
    }
