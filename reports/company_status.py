"""How a company and each of its entities are doing: pure, from what the database says and the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from reports.responsible import ReadState, ToDo, blocking, incomplete
from schemas.claims import contradiction
from schemas.entities import BUDGETS, COST_CODES, ENTITIES
from schemas.faults import NOBODY, OPERATOR

STATES = (
    "disconnected",
    "paused",
    "needs attention",
    "syncing",
    "queued",
    "held",
    "incomplete",
    "late",
    "pending",
    "on time",
)
# Where Buildertrend has no report of what moved, only the full read says that all of them were read.
_READ_DAILY = (BUDGETS.name, COST_CODES.name)
_READABLE = ("connecting", "connected")
# Pollers look for work several times a second: what waits longer than this waits because none runs.
_PICKED_UP_WITHIN = timedelta(minutes=2)
# Reads are planned an interval apart, give or take a tenth, and take their time.
INTERVALS_UNTIL_LATE = 1.5


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A connection as this needs it; `leased` is true while a poller works on it."""

    company_id: str
    account: str | None
    time_zone: str
    state: str
    fault: str | None
    message: str | None
    hint: str | None
    paused_by: str | None
    paused_reason: str | None
    paused_at: datetime | None
    last_success_at: datetime | None
    next_due_at: datetime
    leased: bool


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """What is recorded of one entity; counts are None where they were not asked for.

    `incomplete`: why its newest read was not shown everything, since `incomplete_since`; None if it was.
    """

    complete_through: datetime | None = None
    from_day: date | None = None
    whole_through: datetime | None = None
    held: int = 0
    held_since: datetime | None = None
    published: int | None = None
    stored: int | None = None
    incomplete: str | None = None
    incomplete_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunningRead:
    """The read under way. `entities` has state, pages_done and pages_total of those it has begun."""

    run_id: str
    read: str
    command_id: str | None
    started_at: datetime
    scope: Mapping[str, Any]
    counts: Mapping[str, Mapping[str, int]]
    entities: Mapping[str, Mapping[str, Any]]

    def wants(self, entity: str) -> bool:
        """Whether it reads this entity at all."""
        scoped = self.scope.get("entities")
        return not scoped or entity in scoped


@dataclass(frozen=True, slots=True)
class OpenCommandFacts:
    """A command without its final answer."""

    command_id: str
    type: str
    state: str
    received_at: datetime
    requested_by: str
    entities: Sequence[str]


@dataclass(frozen=True, slots=True)
class RequestsToday:
    """Requests sent to Buildertrend on the company's local day: by read (or sign-in), and by what they asked for."""

    by_read: Mapping[str, int] = field(default_factory=dict)
    by_kind: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.by_read.values())


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A fact of docs/wire.md that answers contradicted, in so many of so many cases."""

    fact: str
    contradicted: int
    cases: int
    since: datetime
    last: datetime

    @property
    def sentence(self) -> str:
        return f"{contradiction(self.fact, contradicted=self.contradicted, of=self.cases)} since {self.since:%Y-%m-%d}."


@dataclass(frozen=True, slots=True)
class RecipeChange:
    """Since when Buildertrend's own page asks for a grid in another way than before, and in what it differs."""

    grid: str
    changed_at: datetime
    differs: Sequence[str]


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """All that is known of a company."""

    connection: ConnectionFacts
    entities: Mapping[str, EntityFacts]
    running: RunningRead | None = None
    commands: Sequence[OpenCommandFacts] = ()
    requests: RequestsToday = RequestsToday()
    recipes: Sequence[RecipeChange] = ()
    contradicted: Sequence[Contradicted] = ()


@dataclass(frozen=True, slots=True)
class EntityStatus:
    """One entity of a company; `state` is one of STATES."""

    entity: str
    state: str
    facts: EntityFacts
    pages_done: int | None = None
    pages_total: int | None = None


@dataclass(frozen=True, slots=True)
class CompanyStatus:
    """One company; `state` is one of STATES, `cause` says why it is not well, `to_do` who has to act and how."""

    company_id: str
    state: str
    cause: str
    to_do: ToDo
    facts: CompanyFacts
    entities: tuple[EntityStatus, ...]
    next_due_at: datetime | None

    @property
    def complete_through(self) -> datetime | None:
        """Everything changed in Buildertrend before this is read; None while an entity never was complete."""
        known = [one.facts.complete_through for one in self.entities]
        return None if None in known else min(at for at in known if at is not None)


def company_status(
    facts: CompanyFacts, *, now: datetime, poll_interval_s: float, full_sync_interval_s: float
) -> CompanyStatus:
    """The status of a company as it is at `now`."""
    whole = _own_state(facts, now)
    longest = {name: max(poll_interval_s, full_sync_interval_s) for name in _READ_DAILY}
    entities = tuple(
        _entity_status(
            facts,
            one.name,
            whole,
            now - timedelta(seconds=longest.get(one.name, poll_interval_s) * INTERVALS_UNTIL_LATE),
        )
        for one in ENTITIES
    )
    state = whole or _worst(entities)
    cause, to_do = _responsible(facts, state, entities)
    due = facts.connection.next_due_at if facts.connection.state in _READABLE else None
    return CompanyStatus(facts.connection.company_id, state, cause, to_do, facts, entities, due)


def _own_state(facts: CompanyFacts, now: datetime) -> str | None:
    """A state that all entities share; None where each has its own."""
    connection = facts.connection
    if connection.state in ("disconnected", "paused"):
        return connection.state
    if connection.state == "needs-attention" or _somebody_must_act(connection):
        return "needs attention"
    return "late" if _nobody_comes(facts, now) else None


def _somebody_must_act(connection: ConnectionFacts) -> bool:
    found = blocking(read_state(connection))
    return found is not None and found[1].who != NOBODY


def _nobody_comes(facts: CompanyFacts, now: datetime) -> bool:
    """Something has been due for a while and no poller has taken it."""
    if facts.connection.leased:
        return False
    due = min([facts.connection.next_due_at, *(one.received_at for one in facts.commands)])
    return now - due > _PICKED_UP_WITHIN


def _entity_status(facts: CompanyFacts, name: str, whole: str | None, late_before: datetime) -> EntityStatus:
    found = facts.entities.get(name, EntityFacts())
    at = (facts.running.entities.get(name) if facts.running else None) or {}
    state = whole or _entity_state(facts, name, found, late_before)
    return EntityStatus(name, state, found, at.get("pages_done"), at.get("pages_total"))


def _entity_state(facts: CompanyFacts, name: str, found: EntityFacts, late_before: datetime) -> str:
    running = facts.running if facts.connection.leased else None
    if running is not None and running.wants(name):
        done = running.entities.get(name, {}).get("state") in ("complete", "incomplete", "held")
        if not done:
            return "syncing"
    if any(not one.entities or name in one.entities for one in facts.commands if one.state == "pending"):
        return "queued"
    if found.held:
        return "held"
    if found.incomplete is not None:
        return "incomplete"
    if found.complete_through is None:
        return "pending"
    return "late" if found.complete_through < late_before else "on time"


def _worst(entities: Sequence[EntityStatus]) -> str:
    return min((one.state for one in entities), key=STATES.index)


def _responsible(facts: CompanyFacts, state: str, entities: Sequence[EntityStatus]) -> tuple[str, ToDo]:
    connection = facts.connection
    found = blocking(read_state(connection))
    if found is not None:
        return found
    held = sum(one.facts.held for one in entities)
    short = next((one for one in entities if one.facts.incomplete is not None), None)
    if held:
        command = f"protiv-buildertrend release-deletions {connection.company_id} --dry-run --wait"
        cause = f"{held:,} deletions are held: Buildertrend no longer shows these records."
        if short is not None:
            # A read that looks wrong holds what it does not show: why it looks so decides what to do.
            cause = f"{cause} {short.facts.incomplete}"
        return cause, ToDo(OPERATOR, "Look at them, then release them or wait for their return.", command)
    if short is not None:
        return incomplete(connection.company_id, short.entity, short.facts.incomplete or "")
    if state == "late":
        return _late(connection)
    return "", ToDo(NOBODY, "")


def _late(connection: ConnectionFacts) -> tuple[str, ToDo]:
    if connection.leased:
        return "The read under way takes longer than planned.", ToDo(NOBODY, "Wait for it.")
    return "A sync is due and no poller has begun it.", ToDo(
        OPERATOR, "See that a poller runs.", "protiv-buildertrend doctor"
    )


def read_state(connection: ConnectionFacts) -> ReadState:
    """What decides who has to act."""
    return ReadState(
        connection.company_id,
        connection.time_zone,
        connection.state,
        connection.fault,
        connection.paused_by,
        connection.paused_reason,
    )
