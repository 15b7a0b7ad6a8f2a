"""What a database restored to an earlier state takes over from the topics: runs and records published since."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from control.arrays import plain_array, text_array
from control.database import Transaction, statements

_SQL = statements("restored_database")
# Runs that were begun after the backup and whose first record may not be in the topics yet.
_RUNS_ON_THEIR_WAY = 1000


@dataclass(frozen=True, slots=True)
class Pulse:
    """Through when the database is known to agree with the raw topics; `at` is None if nobody has compared yet."""

    beat: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """What a raw topic holds of an entity; `deleted` if that is its deletion."""

    entity_id: str
    version: int
    deleted: bool = False
    local_day: date | None = None
    parent_id: str | None = None


def read_pulse(tx: Transaction) -> Pulse:
    row = tx.execute(_SQL["pulse"]).fetchone()
    return Pulse(0, None) if row is None else Pulse(int(row[0]), row[1])


def beat(tx: Transaction, *, above: int = 0) -> int:
    """The database agrees with the topics as of now; the new beat, which is above `above` too."""
    row = tx.execute(_SQL["beat"], {"above": above}).fetchone()
    return above if row is None else int(row[0])


def known_seqs(tx: Transaction, company_ids: Collection[str]) -> dict[str, int]:
    """The highest run_seq known of each company; one that the database does not know is left out."""
    rows = tx.execute(_SQL["known_seqs"], {"company_ids": text_array(company_ids)})
    return {str(company_id): int(run_seq) for company_id, run_seq in rows}


def shut_out(tx: Transaction, company_ids: Collection[str], *, seconds: float) -> None:
    """Fence whoever works on these companies, and let nobody begin until `read_anew`, or that long."""
    tx.execute(_SQL["shut_out"], {"company_ids": text_array(company_ids), "seconds": seconds})


def read_anew(tx: Transaction, highest: Mapping[str, int]) -> None:
    """Read everything of these companies at once, in runs above `highest`, the run_seq that the topics hold."""
    values = {"company_ids": text_array(highest)}
    floors = plain_array(run_seq + _RUNS_ON_THEIR_WAY for run_seq in highest.values())
    tx.execute(_SQL["put_floors"], values | {"run_seqs": floors})
    for name in ("end_runs", "drop_checkpoints", "drop_pages", "reopen"):
        tx.execute(_SQL[name], values)


def put_found(
    tx: Transaction, company_id: str, entity: str, found: Sequence[FoundRecord], *, unconfirmed: bytes
) -> int:
    """Store what the topics hold of records; `unconfirmed` stands in for the fingerprint. Returns how many it marks."""
    place = {"company_id": company_id, "entity": entity}
    gone = [record for record in found if record.deleted]
    there = [record for record in found if not record.deleted]
    tx.execute(_SQL["forget_deleted"], place | _keys(gone))
    return tx.execute(
        _SQL["put_unconfirmed"],
        place
        | _keys(there)
        | {
            "unconfirmed": unconfirmed,
            "local_days": plain_array(record.local_day for record in there),
            "parent_ids": text_array(record.parent_id for record in there),
        },
    ).rowcount


def _keys(found: Sequence[FoundRecord]) -> dict[str, object]:
    return {
        "entity_ids": text_array(record.entity_id for record in found),
        "versions": plain_array(record.version for record in found),
    }
