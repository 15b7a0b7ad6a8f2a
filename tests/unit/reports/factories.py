"""Builders of facts and evidence: whole and well by default, so that a test states only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from core.kafka.read import Place
from reports.company_status import CompanyFacts, ConnectionFacts, EntityFacts, OpenCommandFacts, RunningRead
from reports.dead_letters import DeadLetter
from reports.evidence import (
    CanonicalRecordFound,
    ConnectionEvidence,
    EntityRead,
    Evidence,
    Held,
    LastRead,
    RawRecordFound,
    StoredRow,
)
from schemas.entities import ENTITIES

NOW = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=30)
RAW = "buildertrend.time-entries"
CANONICAL = "protiv.time-entries"
PARENTS = {"job_id": "7", "user_id": "8"}


def connection_facts(**changes: Any) -> ConnectionFacts:
    whole = ConnectionFacts(
        company_id="c1",
        account="Tighe Builders",
        time_zone="America/Denver",
        state="connected",
        fault=None,
        message=None,
        hint=None,
        paused_by=None,
        paused_reason=None,
        paused_at=None,
        last_success_at=EARLIER,
        next_due_at=NOW + timedelta(hours=1),
        leased=False,
    )
    return replace(whole, **changes)


def facts(*, entity: dict[str, Any] | None = None, **changes: Any) -> CompanyFacts:
    """A company that was read half an hour ago; `entity` changes what is known of each of its entities."""
    known = EntityFacts(complete_through=EARLIER, whole_through=EARLIER, published=3, stored=3)
    each = replace(known, **(entity or {}))
    running, commands = changes.pop("running", None), changes.pop("commands", ())
    return CompanyFacts(connection_facts(**changes), {one.name: each for one in ENTITIES}, running, commands)


def running(**changes: Any) -> RunningRead:
    whole = RunningRead("r1", "recent", None, EARLIER, {}, {}, {})
    return replace(whole, **changes)


def command(**changes: Any) -> OpenCommandFacts:
    whole = OpenCommandFacts("k1", "sync", "pending", NOW, "somebody", ())
    return replace(whole, **changes)


def connection(**changes: Any) -> ConnectionEvidence:
    whole = ConnectionEvidence(
        company_id="c1",
        time_zone="America/Denver",
        state="connected",
        fault=None,
        message=None,
        paused_by=None,
        paused_reason=None,
        import_from=None,
        next_due_at=NOW + timedelta(hours=1),
        leased=False,
        running=False,
    )
    return replace(whole, **changes)


def place(topic: str, offset: int, *, at: datetime = EARLIER) -> Place:
    return Place(topic, 2, offset, at)


def raw(**changes: Any) -> RawRecordFound:
    return replace(RawRecordFound(place(RAW, 10), "UPDATE", 100, "r1", EARLIER), **changes)


def canonical(**changes: Any) -> CanonicalRecordFound:
    whole = CanonicalRecordFound(
        place(CANONICAL, 20), 101, deleted=False, link_status="linked", link_detail=None, refers_to=PARENTS
    )
    return replace(whole, **changes)


def row(**changes: Any) -> StoredRow:
    return replace(StoredRow(101, EARLIER, None, EARLIER, "linked", None), **changes)


def held(**changes: Any) -> Held:
    return replace(Held("r2", EARLIER, None, None, 31), **changes)


def letter(**changes: Any) -> DeadLetter:
    whole = DeadLetter(
        place=place("integration.dead-letters", 3),
        company_id="c1",
        entity="time-entries",
        entity_id="9001",
        topic=RAW,
        partition=2,
        offset=10,
        stage="streams",
        reason="The start is no time.",
        error_class="bad-time",
        first_seen="2026-06-17T17:30:00+00:00",
        version=100,
    )
    return replace(whole, **changes)


def stored(**changes: Any) -> Evidence:
    """A shift that is read, published, linked and stored."""
    whole = Evidence(
        company_id="c1",
        entity="time-entries",
        entity_id="9001",
        at=NOW,
        connection=connection(),
        last_read=LastRead(100, None, "r1", "recent", "completed", EARLIER, EARLIER),
        entity_read=EntityRead(EARLIER, None, EARLIER),
        raw=raw(),
        canonical=canonical(),
        row=row(),
        streams_next=12,
        sink_next=22,
    )
    return replace(whole, **changes)


def unknown(**changes: Any) -> Evidence:
    """An id that was never seen, of an entity that was read whole."""
    nothing: dict[str, Any] = {"last_read": None, "raw": None, "canonical": None, "row": None}
    return stored(**(nothing | changes))
