"""What was last published of every record: what a page is compared with, and what a complete read did not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import msgspec
from psycopg.rows import class_row

from control.arrays import bytes_array, plain_array, text_array
from control.database import Transaction, Writing, statements
from control.runs import RunId

_SQL = statements("source_state")


class Published(msgspec.Struct, frozen=True):
    """The state of one published record."""

    entity_id: str
    fingerprint: bytes
    version: int
    local_day: date | None
    parent_id: str | None
    digest: bytes | None = None
    job_id: str | None = None
    minutes: int | None = None
    filled: int = 0


class Known(msgspec.Struct, frozen=True):
    """What a row is compared with: the published fingerprint, and the digest of the bytes that were read last.

    `filled`: which of its fields had a value (see producers.buildertrend.filled).
    """

    fingerprint: bytes
    digest: bytes | None
    filled: int = 0


@dataclass(frozen=True, slots=True)
class ReadRange:
    """What a read covered: shifts of days `from_day` to `to_day` (null: no bound), children of `parents` (null: all).

    Children of jobs whose deletion is published are covered by every read: nobody shows them any more. `unmoved` are
    parents that were not read, since nothing of them moved: their children are there as far as anybody knows.
    """

    from_day: date | None = None
    to_day: date | None = None
    parents: Sequence[str] | None = None
    unmoved: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PublishedCount:
    """How many records exist as far as was published: all of the entity, and those in the range of a read."""

    all: int
    in_range: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many records are published, to estimate a read from.

    `worked_jobs` have shifts on the days in question, `budgeted_jobs` at least one budget line.
    """

    shifts: int
    users: int
    jobs: int
    worked_jobs: int
    budgeted_jobs: int


def known(tx: Transaction, company_id: str, entity: str, entity_ids: Sequence[str]) -> dict[str, Known]:
    """What is kept of those of `entity_ids` that are published."""
    rows = tx.execute(_SQL["known"], {"company_id": company_id, "entity": entity, "entity_ids": text_array(entity_ids)})
    return {entity_id: Known(fingerprint, digest, filled) for entity_id, fingerprint, digest, filled in rows}


def put_published(tx: Writing, company_id: str, entity: str, records: Sequence[Published]) -> None:
    """Store what is published now. One row a record id: the caller keeps the last of each."""
    tx.execute(
        _SQL["put"],
        {
            "company_id": company_id,
            "entity": entity,
            "entity_ids": text_array(record.entity_id for record in records),
            "fingerprints": bytes_array(record.fingerprint for record in records),
            "versions": plain_array(record.version for record in records),
            "local_days": plain_array(record.local_day for record in records),
            "parent_ids": text_array(record.parent_id for record in records),
            "digests": bytes_array(record.digest for record in records),
            "job_ids": text_array(record.job_id for record in records),
            "minutes": plain_array(record.minutes for record in records),
            "filled": plain_array(record.filled for record in records),
        },
    )


def put_digests(tx: Writing, company_id: str, entity: str, digests: Mapping[str, bytes]) -> None:
    """Store the hashes of other bytes for records whose content did not change."""
    tx.execute(
        _SQL["put_digests"],
        {
            "company_id": company_id,
            "entity": entity,
            "entity_ids": text_array(digests),
            "digests": bytes_array(digests.values()),
        },
    )


def drop_published(tx: Writing, company_id: str, entity: str, entity_ids: Sequence[str]) -> None:
    """Forget records whose deletion is published."""
    values = {"company_id": company_id, "entity": entity, "entity_ids": text_array(entity_ids)}
    tx.execute(_SQL["drop"], values)


def unseen(tx: Transaction, run: RunId, entity: str, covered: ReadRange) -> list[str]:
    """Ids of published records inside the range that no page of the run showed."""
    rows = tx.execute(
        _SQL["unseen"],
        {
            "company_id": run.company_id,
            "run_id": run.run_id,
            "entity": entity,
        }
        | _range_values(covered),
    )
    return [entity_id for (entity_id,) in rows]


def count_published(tx: Transaction, company_id: str, entity: str, covered: ReadRange) -> PublishedCount:
    """Number of records of the entity that exist as far as was published; those of `unmoved` are in the range."""
    parents = None if covered.parents is None else [*covered.parents, *covered.unmoved]
    values = {"company_id": company_id, "entity": entity} | _range_values(replace(covered, parents=parents))
    with tx.cursor(row_factory=class_row(PublishedCount)) as cursor:
        return cursor.execute(_SQL["count"], values).fetchone() or PublishedCount(0, 0)


def count_whole(tx: Transaction, company_id: str, entity: str) -> int:
    """Number of published records of the entity that their own list stated whole."""
    row = tx.execute(_SQL["count_whole"], {"company_id": company_id, "entity": entity}).fetchone()
    return 0 if row is None else int(row[0])


def oldest_day(tx: Transaction, company_id: str, entity: str) -> date | None:
    """The first local day of a published record; None if none has one."""
    row = tx.execute(_SQL["oldest"], {"company_id": company_id, "entity": entity}).fetchone()
    return None if row is None else row[0]


def amounts(tx: Transaction, company_id: str, *, from_day: date | None, to_day: date | None) -> Amounts:
    """How much there is, of shifts those on these local days (null: no limit)."""
    values = {"company_id": company_id, "from_day": from_day, "to_day": to_day}
    with tx.cursor(row_factory=class_row(Amounts)) as cursor:
        return cursor.execute(_SQL["amounts"], values).fetchone() or Amounts(0, 0, 0, 0, 0)


def _range_values(covered: ReadRange) -> dict[str, Any]:
    parents = None if covered.parents is None else list(covered.parents)
    return {"from_day": covered.from_day, "to_day": covered.to_day, "parents": parents}
