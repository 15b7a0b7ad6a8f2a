"""What the poller asks of a source: pages of rows of an entity, and the range in which absence means something."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import msgspec

from control.source_state import ReadRange
from producers.buildertrend.faults import SOURCE_CHANGED, SourceFaultError
from schemas.catalogue import Entity

UNREADABLE_ID = "unreadable-"
"""Ids of rows whose own id cannot be read begin with it: which of the known ones such a row is, nobody knows."""

Seen = Callable[[Collection[str]], Collection[str]]
"""Which of some ids pages of this run showed before."""


class SourceRecord(msgspec.Struct, frozen=True):
    """One record as the source states it; `after` is the raw topic's.

    `incomplete`: a part of it could not be read. It is published if it is new, and never replaces a whole record.
    `job_id` and `minutes` are a shift's, to compare what was read with what came of it.
    """

    entity_id: str
    after: dict[str, Any]
    local_day: date | None = None
    parent_id: str | None = None
    incomplete: bool = False
    job_id: str | None = None
    minutes: int | None = None


class UnreadableRowError(SourceFaultError):
    """A row is not understood: it is refused alone, unless all rows of its page are so for the same field.

    `value` is the row as a dead letter holds it (see producers.buildertrend.reads.rows.refused_text).
    """

    def __init__(self, what: str, field: str, value: bytes) -> None:
        super().__init__(SOURCE_CHANGED, f"{what}: field {field} is missing or has another form")
        self.field = field
        self.value = value


class SourceRow(msgspec.Struct, frozen=True):
    """A row of a page, of which only the id was looked at. `read` parses it; UnreadableRowError if it does not fit.

    `raw`: its own bytes, if it has any: while they are the same, so is the record, and `read` need not be called.
    """

    entity_id: str
    read: Callable[[], SourceRecord]
    local_day: date | None = None
    raw: bytes | None = None

    @classmethod
    def of(cls, record: SourceRecord) -> SourceRow:
        """A row that is read already."""
        return cls(record.entity_id, lambda: record, record.local_day)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a read; `number` counts from 1, `pages_total` as far as the source says.

    `beyond`: rows outside of what the read is to take in. Of them only those are of interest that are known already.
    `covered_ids`: those among them that lie in the range in which absence means something.
    """

    number: int
    rows: Sequence[SourceRow]
    pages_total: int | None
    beyond: Sequence[SourceRow] = ()
    covered_ids: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class ReadStart:
    """How far an earlier attempt of the same read came. `cursor` is what the read said of itself then.

    `seen`: those of some ids that its pages showed; `shown`: all of them, also those beyond what is taken in.
    """

    pages_done: int = 0
    cursor: Mapping[str, Any] = field(default_factory=dict)
    seen: Seen = lambda _ids: ()
    shown: Callable[[], Collection[str]] = lambda: ()


FROM_THE_START = ReadStart()


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a read is not complete: a sentence for people.

    `if_ever_used`: the account may just not use what did not answer; then nothing of it was ever published.
    """

    sentence: str
    if_ever_used: bool = False


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What a second look came to. `shown`: the ids in the read's range, None where no row can slip between pages."""

    shortfall: Shortfall | None = None
    shown: Collection[str] | None = None


class EntityRead(Protocol):
    """One read of one entity. Its methods raise the source's faults; a read that raised has covered nothing."""

    @property
    def entity(self) -> Entity:
        """Which entity it reads."""

    @property
    def name(self) -> str:
        """What its checkpoint is kept under: the entity's name, save for a second read of the same entity in a run."""

    @property
    def reader_version(self) -> bytes:
        """Changes whenever the same bytes of a row would be read as another record."""

    @property
    def replaced(self) -> bool:
        """After the last page: the source has no such list, and another read of the run stands in for this one."""

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """Know again what an earlier attempt of this read had found out. Call it before anything else."""

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        """The pages, fetched as they are asked for, from where an earlier attempt stood; it may show some again."""

    def cursor(self) -> dict[str, Any]:
        """What `restore` wants to be told, as JSON takes it; asked after every page."""

    def covered(self) -> ReadRange | None:
        """After the last page: where a record that was not shown is missing. None: absence means nothing.

        A read may be complete and say nothing of absence, and it may cover the range of what did answer.
        """

    def shortfall(self) -> Shortfall | None:
        """After the last page: why not everything was shown that the read is about; None if it was."""

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """Fresh pages in which the missing would be, wherever they may have moved to by now."""

    def second_look_result(self) -> SecondLook:
        """After the last page of a second look: what that is worth."""
