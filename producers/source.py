"""What the poller asks of a source: pages of rows of an entity, and the range in which a missing record was deleted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import msgspec

from control.source_state import ReadRange
from producers.buildertrend.faults import SourceFaultError
from schemas.entities import Entity
from schemas.faults import SOURCE_CHANGED

UNREADABLE_ID_PREFIX = "unreadable-"
"""Rows whose id cannot be read get a made-up one that begins with this; such a row may be any of the known records."""


class SourceRecord(msgspec.Struct, frozen=True):
    """One record as the source states it; `after` is the raw topic's.

    `incomplete`: a part of it could not be read. It is published if it is new, and never replaces a complete record.
    `stands_in`: another entity's records name it, and state less of it. It is `incomplete`, but where the whole record
    is known nothing is missing.
    `job_id` and `minutes`, of time entries only, serve to compare what was read with what came of it.
    """

    entity_id: str
    after: dict[str, Any]
    local_day: date | None = None
    parent_id: str | None = None
    incomplete: bool = False
    stands_in: bool = False
    job_id: str | None = None
    minutes: int | None = None


class UnreadableRowError(SourceFaultError):
    """A row does not have the known form: it alone is refused, unless all rows of its page fail on the same field.

    `value` is the row as a dead letter holds it (see producers.buildertrend.reads.extras.refused_text).
    """

    def __init__(self, what: str, field: str, value: bytes) -> None:
        super().__init__(SOURCE_CHANGED, f"{what}: field {field} is missing or has another form")
        self.field = field
        self.value = value


class SourceRow(msgspec.Struct, frozen=True):
    """A row of a page, of which only the id has been parsed. `read` parses the rest, or raises UnreadableRowError.

    `raw`: the row's bytes, if known. While they are unchanged the record is too, and `read` need not be called.
    """

    entity_id: str
    read: Callable[[], SourceRecord]
    local_day: date | None = None
    raw: bytes | None = None

    @classmethod
    def of(cls, record: SourceRecord) -> SourceRow:
        """A row that is parsed already."""
        return cls(record.entity_id, lambda: record, record.local_day)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a read; `number` counts from 1, `pages_total` as far as the source says.

    `outside`: rows outside the range asked for. Only those are taken whose record is known already.
    `complete_range_ids`: ids of those among them that lie in the read's complete range.
    `again`: its rows may have been shown by pages of higher numbers.
    """

    number: int
    rows: Sequence[SourceRow]
    pages_total: int | None
    outside: Sequence[SourceRow] = ()
    complete_range_ids: Collection[str] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class ReadStart:
    """How far an earlier attempt of the same read came.

    `seen` gives those of some ids that its pages showed, `all_seen` all of them, also those outside the range.
    """

    pages_done: int = 0
    seen: Callable[[Collection[str]], Collection[str]] = lambda _ids: ()
    all_seen: Callable[[], Collection[str]] = lambda: ()


FROM_THE_START = ReadStart()


@dataclass(frozen=True, slots=True)
class IncompleteReason:
    """Why a read is not complete: a sentence for people.

    `if_ever_used`: the account may simply not use what did not answer. It counts only if records of it were published.
    """

    sentence: str
    if_ever_used: bool = False


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What a second look proves: nothing if it was `incomplete`.

    `shown`: the ids in the read's complete range, None where no row can move between pages.
    """

    incomplete: IncompleteReason | None = None
    shown: Collection[str] | None = None


class EntityRead(Protocol):
    """One read of one entity. Its methods raise the source's faults; a read that raised is complete for nothing."""

    @property
    def entity(self) -> Entity:
        """The entity that it reads."""

    @property
    def reader_version(self) -> bytes:
        """Changes whenever the same bytes of a row would be parsed to another record."""

    @property
    def may_lack_changes(self) -> bool:
        """After the last page: other records may have changed, as nothing told which to ask for.

        What it showed is published; that the entity was read is not noted, nor that it was not.
        """

    @property
    def records(self) -> int | None:
        """After the last page: how many rows of everything that it asked for the source states; None if it does not."""

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """Take over what an earlier attempt of this read had found out. Call it before anything else."""

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        """The pages, each fetched when it is asked for, from `start` on; some may be shown again."""

    def cursor(self) -> dict[str, Any]:
        """What `restore` takes, as JSON can hold it; asked for after every page."""

    def complete_range(self) -> ReadRange | None:
        """After the last page: the range in which a record that no page showed was deleted. None: nowhere.

        A read that is complete may still prove no deletion, and one that is not may be complete for a smaller range.
        """

    def incomplete_reason(self) -> IncompleteReason | None:
        """After the last page: why the read did not show everything that it is about; None if it did."""

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """Fetch again the pages on which the missing ids would be, wherever they may have moved by now."""

    def second_look_result(self) -> SecondLook:
        """After the last page of a second look: what it proves."""
