"""What is known of one record, as data: the connection, its last read, both topics, its row and its dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.kafka.read import Place
from reports.dead_letters import DeadLetter
from reports.responsible import ReadState, ToDo, blocking

# The op of a raw record that no reader can decode.
UNREADABLE = "unreadable"

Minutes = tuple[int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class ConnectionEvidence:
    """The company's connection; `running`: a read is recorded as under way; `leased`: a poller works on it."""

    company_id: str
    time_zone: str
    state: str
    fault: str | None
    message: str | None
    paused_by: str | None
    paused_reason: str | None
    import_from: date | None
    next_due_at: datetime
    leased: bool
    running: bool

    @property
    def blocked(self) -> tuple[str, ToDo] | None:
        """Why nothing is read for now and the next step, or None."""
        return blocking(
            ReadState(self.company_id, self.time_zone, self.state, self.fault, self.paused_by, self.paused_reason)
        )


@dataclass(frozen=True, slots=True)
class LastRead:
    """What was last published of the record, and by which run; the run is null where its history is gone."""

    version: int
    local_day: date | None
    run_id: str | None
    read: str | None
    run_state: str | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class EntityRead:
    """Through when the entity is known to be complete: the newest read, and the newest of everything."""

    complete_through: datetime
    from_day: date | None
    whole_through: datetime | None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Why the entity's newest read was not shown everything."""

    message: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """The record's held deletion; `together` counts those of its entity that wait with it."""

    run_id: str
    held_at: datetime
    released_at: datetime | None
    released_by: str | None
    together: int


@dataclass(frozen=True, slots=True)
class RawRecordFound:
    """The newest record of the raw topic; `op` is DELETE too where only its tombstone is left.

    `minutes` of a shift, here and below: regular time, overtime and double overtime.
    """

    place: Place
    op: str
    version: int
    run_id: str
    observed_at: datetime | None
    minutes: Minutes | None = None


@dataclass(frozen=True, slots=True)
class CanonicalRecordFound:
    """The newest record of the canonical topic. `refers_to` is what it names of its parents, by field."""

    place: Place
    version: int
    deleted: bool
    link_status: str | None
    link_detail: str | None
    refers_to: dict[str, str]
    minutes: Minutes | None = None


@dataclass(frozen=True, slots=True)
class StoredRow:
    """The row of schema protiv."""

    version: int
    observed_at: datetime
    deleted_at: datetime | None
    updated_at: datetime
    link_status: str | None
    link_detail: str | None
    regular_minutes: int | None = None
    overtime_minutes: int | None = None
    double_overtime_minutes: int | None = None
    split_cost_code_ids: Sequence[str] | None = None
    split_minutes: Sequence[int] | None = None

    @property
    def minutes(self) -> Minutes:
        return self.regular_minutes, self.overtime_minutes, self.double_overtime_minutes


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it, as of `at`. `streams_next` and `sink_next` are the offsets that the stages take next."""

    company_id: str
    entity: str
    entity_id: str
    at: datetime
    connection: ConnectionEvidence | None = None
    last_read: LastRead | None = None
    entity_read: EntityRead | None = None
    incomplete: Incomplete | None = None
    held: Held | None = None
    raw: RawRecordFound | None = None
    canonical: CanonicalRecordFound | None = None
    row: StoredRow | None = None
    streams_next: int = 0
    sink_next: int = 0
    letters: Sequence[DeadLetter] = ()

    @property
    def shown_at(self) -> datetime | None:
        """When the newest complete read began that covered the record's day; None if none is known to have."""
        read = self.entity_read
        if read is None:
            return None
        day = self.last_read.local_day if self.last_read else None
        is_before = day is not None and read.from_day is not None and day < read.from_day
        return read.whole_through if is_before else read.complete_through

    @property
    def is_linked(self) -> bool:
        """Streams have published what follows from the newest raw record; their committed offset shows it later."""
        return self.canonical is not None and (self.raw is None or self.canonical.version >= self.raw.version)

    @property
    def is_stored(self) -> bool:
        """The sink has stored the newest canonical record."""
        return self.row is not None and self.canonical is not None and self.row.version >= self.canonical.version

    @property
    def streams_will_come(self) -> bool:
        return self.raw is not None and not self.is_linked and self.streams_next <= self.raw.place.offset

    @property
    def sink_will_come(self) -> bool:
        return self.canonical is not None and not self.is_stored and self.sink_next <= self.canonical.place.offset

    @property
    def refused(self) -> DeadLetter | None:
        """The dead letter that nothing newer of the record has followed; None if there is none."""
        newest = {"streams": self.raw, "sink": self.canonical}
        for letter in reversed(self.letters):
            found = newest.get(letter.stage)
            if found is not None and letter.offset >= found.place.offset and not self._took(letter):
                return letter
        return None

    @property
    def differing(self) -> tuple[str, Minutes, Minutes] | None:
        """The first stage that states other minutes of a shift than the one before it, with both; None if none does.

        A version proves that a stage has passed a record, not that it has applied it.
        """
        raw, canonical, row = self.raw, self.canonical, self.row
        if raw is not None and canonical is not None and _differ(raw.minutes, canonical.minutes):
            return "streams", raw.minutes or _UNSTATED, canonical.minutes or _UNSTATED
        if row is None or row.deleted_at is not None or canonical is None:
            return None
        return (
            ("sink", canonical.minutes or _UNSTATED, row.minutes) if _differ(canonical.minutes, row.minutes) else None
        )

    @property
    def unread_command(self) -> DeadLetter | None:
        """A command to this company that could not be read, newer than what is complete of the entity."""
        unread = [letter for letter in self.letters if letter.stage == "poller"]
        through = self.entity_read.complete_through if self.entity_read else None
        newer = [letter for letter in unread if through is None or letter.place.at > through]
        return newer[-1] if newer else None

    def _took(self, letter: DeadLetter) -> bool:
        """Whether the sink has stored it after all, or something newer: the row has its version.

        Of streams a version proves nothing: a parent's change publishes what they knew before under a newer one.
        """
        version = letter.version if letter.stage == "sink" else None
        return self.row is not None and version is not None and self.row.version >= version


_UNSTATED: Minutes = (None, None, None)


def _differ(before: Minutes | None, after: Minutes | None) -> bool:
    """Whether both state minutes, and different ones; what one leaves out normalising may have decided."""
    stated = zip(before or _UNSTATED, after or _UNSTATED, strict=True)
    return any(one != other for one, other in stated if one is not None and other is not None)
