"""One run of a company: what it is for, what it works with, what it has counted so far, and how it publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from control.runs import Counts, RunId
from core.clock import Clock
from producers.buildertrend.evidence import Evidence
from producers.runs.compare import Change, Op
from producers.runs.ledger import Ledger, Progress
from producers.runs.messages import Batch, Encoder, Observation, batch_of
from producers.runs.pipeline import Background
from producers.runs.publisher import Delivery, Publisher
from producers.sync_events import EventWriter
from schemas.entities import TIME_ENTRIES, Entity

COUNTERS = ("read", "created", "updated", "deleted", "unchanged", "dead_lettered")


@dataclass(frozen=True, slots=True)
class RunServices:
    """What a run works with."""

    ledger: Ledger
    publisher: Publisher
    events: EventWriter
    encoders: Mapping[str, Encoder]
    clock: Clock
    background: Background


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a run is for. `whole`: it leaves nothing out. `counts`: those of earlier attempts, to be added to."""

    run: RunId
    time_zone: str
    new_op: Op
    whole: bool
    command_id: str | None = None
    counts: Counts = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """The state of a run, all reads together. See producers.runs.execute for what it does."""

    assignment: Assignment
    services: RunServices
    held: dict[str, int] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    """Why the read of an entity is not complete: a sentence by entity."""
    jobs_in_doubt: bool = False
    """The list of jobs was not complete: what is asked for by job is not, either.

    `incomplete` does not tell: a job of which a part could not be read is in the list all the same.
    """
    through: list[datetime] = field(default_factory=list)
    """Up to when each complete read is complete."""
    published: int = 0
    evidence: Evidence = field(default_factory=Evidence)
    """What its answers say for and against the facts that the adapter relies on."""
    resumed: bool = False
    """True if it began with the checkpoints of an earlier attempt."""

    @property
    def shifts_in_doubt(self) -> bool:
        """Shifts that this run did not show may be there all the same, and name workers and cost codes."""
        return TIME_ENTRIES.name in self.incomplete or TIME_ENTRIES.name in self.held

    @property
    def counts(self) -> Counts:
        """By entity, of all attempts."""
        return self.assignment.counts

    def prepare(self, entity: Entity, changes: Sequence[Change]) -> Batch:
        """Changes as an encoded batch, each under its own version."""
        seen = Observation(self.assignment.run, self.services.clock.now(), self.assignment.time_zone)
        encode = self.services.encoders[entity.raw_topic]
        batch = batch_of(entity, changes, seen, first=self.published + 1, encode=encode)
        self.published += len(changes)
        return batch

    def send(self, batch: Batch, *, announced: bool = False) -> Delivery:
        """Announce a batch, unless that is done, and publish it in one transaction; nothing to do if it is empty."""
        if not batch.messages and not batch.letters:
            return Delivery()
        if batch.announcements and not announced:
            self.services.ledger.announce(batch.entity, batch.announcements)
        return self.services.publisher.publish([*batch.messages, *batch.letters])

    def progress(self) -> Progress:
        """As the ledger keeps it: a copy, which later counting does not change."""
        return Progress(self.published, {entity: dict(counts) for entity, counts in self.counts.items()})
