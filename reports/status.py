"""Reads what a status needs from the database: a handful of statements, however many companies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from control.database import Transaction
from control.evidence import evidence_of
from core.sql import read_statements
from reports.company_status import (
    CompanyFacts,
    CompanyStatus,
    ConnectionFacts,
    Contradicted,
    EntityFacts,
    OpenCommandFacts,
    RecipeChange,
    RequestsToday,
    RunningRead,
    company_status,
)
from reports.tables import Statement, stored_counts
from reports.visibility import require_all_rows
from schemas.entities import ENTITIES

_SQL = read_statements(Path(__file__).parent / "queries" / "status.sql")
# Counting the rows of thousands of companies takes minutes.
MOST_COUNTED = 25

Row = dict[str, Any]


def read_status(
    tx: Transaction,
    *,
    now: datetime,
    poll_interval_s: float,
    full_sync_interval_s: float,
    company_ids: Sequence[str] | None = None,
) -> list[CompanyStatus]:
    """The status of these companies (None: of all), by company id; records are counted for up to MOST_COUNTED."""
    facts = read_facts(tx, company_ids)
    return [
        company_status(one, now=now, poll_interval_s=poll_interval_s, full_sync_interval_s=full_sync_interval_s)
        for one in facts
    ]


def takes_writes(tx: Transaction) -> bool:
    """Whether poller and sink can store anything now."""
    row = tx.execute(_SQL["takes_writes"]).fetchone()
    return row == (True,)


def read_facts(tx: Transaction, company_ids: Sequence[str] | None = None) -> list[CompanyFacts]:
    """What is recorded of these companies (None: of all), by company id."""
    wanted = None if company_ids is None else list(company_ids)
    connections = [ConnectionFacts(**row) for row in _rows(tx, _SQL["companies"], wanted)]
    reads, held, short = (_by_place(_rows(tx, _SQL[name], wanted)) for name in ("reads", "held", "incomplete"))
    published, stored = _counts(tx, connections, wanted)
    running = {row.pop("company_id"): RunningRead(**row) for row in _rows(tx, _SQL["running"], wanted)}
    commands: dict[str, list[OpenCommandFacts]] = {}
    for row in _rows(tx, _SQL["commands"], wanted):
        commands.setdefault(row.pop("company_id"), []).append(OpenCommandFacts(**row))
    contradicted = _contradicted(tx, [one.company_id for one in connections])
    requests = _requests(_rows(tx, _SQL["requests"], wanted))
    recipes: dict[str, list[RecipeChange]] = {}
    for row in _rows(tx, _SQL["recipes"], wanted):
        recipes.setdefault(row.pop("company_id"), []).append(RecipeChange(**row))
    return [
        CompanyFacts(
            connection=one,
            entities={
                entity.name: _with_shortfall(
                    _entity_facts((one.company_id, entity.name), reads, held, published, stored),
                    short.get((one.company_id, entity.name), {}),
                )
                for entity in ENTITIES
            },
            running=running.get(one.company_id),
            commands=tuple(commands.get(one.company_id, ())),
            requests=requests.get(one.company_id, RequestsToday()),
            recipes=tuple(recipes.get(one.company_id, ())),
            contradicted=contradicted.get(one.company_id, ()),
        )
        for one in connections
    ]


def _contradicted(tx: Transaction, company_ids: Sequence[str]) -> dict[str, list[Contradicted]]:
    """By company: the facts that its answers contradicted."""
    found: dict[str, list[Contradicted]] = {}
    for one in evidence_of(tx, company_ids):
        if one.first_contradicted_at is not None and one.last_contradicted_at is not None:
            cases = one.held + one.contradicted
            fact = Contradicted(one.fact, one.contradicted, cases, one.first_contradicted_at, one.last_contradicted_at)
            found.setdefault(one.company_id, []).append(fact)
    return found


Place = tuple[str, str]


def _entity_facts(
    place: Place,
    reads: Mapping[Place, Row],
    held: Mapping[Place, Row],
    published: Mapping[Place, Row] | None,
    stored: Mapping[Place, Row] | None,
) -> EntityFacts:
    read, kept = reads.get(place, {}), held.get(place, {})
    return EntityFacts(
        complete_through=read.get("complete_through"),
        from_day=read.get("from_day"),
        whole_through=read.get("whole_through"),
        held=kept.get("records", 0),
        held_since=kept.get("since"),
        published=None if published is None else published.get(place, {}).get("records", 0),
        stored=None if stored is None else stored.get(place, {}).get("records", 0),
    )


def _requests(rows: Iterable[Row]) -> dict[str, RequestsToday]:
    """By company."""
    by_read: dict[str, Counter[str]] = {}
    by_kind: dict[str, Counter[str]] = {}
    for row in rows:
        by_read.setdefault(row["company_id"], Counter())[row["read"]] += row["requests"]
        by_kind.setdefault(row["company_id"], Counter())[row["kind"]] += row["requests"]
    return {company_id: RequestsToday(by_read[company_id], by_kind[company_id]) for company_id in by_read}


def _with_shortfall(facts: EntityFacts, short: Row) -> EntityFacts:
    return replace(facts, incomplete=short.get("message"), incomplete_since=short.get("since"))


def _counts(
    tx: Transaction, connections: Sequence[ConnectionFacts], wanted: list[str] | None
) -> tuple[Mapping[Place, Row] | None, Mapping[Place, Row] | None]:
    if len(connections) > MOST_COUNTED:
        return None, None
    require_all_rows(tx)
    return _by_place(_rows(tx, _SQL["published"], wanted)), _by_place(_rows(tx, stored_counts(), wanted))


def _rows(tx: Transaction, statement: Statement, company_ids: list[str] | None) -> list[Row]:
    with tx.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, {"company_ids": company_ids}).fetchall()


def _by_place(rows: Iterable[Row]) -> dict[Place, Row]:
    return {(row["company_id"], row["entity"]): row for row in rows}
