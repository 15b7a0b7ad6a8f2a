"""What the poller asks of a source: pages of records of an entity, and the range in which absence means something."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from control.source_state import ReadRange
from schemas.catalogue import Entity


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record as the source states it; `after` is the raw topic's.

    `incomplete`: a part of it could not be read. It is published if it is new, and never replaces a whole record.
    """

    entity_id: str
    after: dict[str, Any]
    local_day: date | None = None
    parent_id: str | None = None
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a read; `pages_total` as far as the source says."""

    records: Sequence[SourceRecord]
    pages_total: int | None


class EntityRead(Protocol):
    """One read of one entity. Its methods raise the source's faults; a read that raised has covered nothing."""

    @property
    def entity(self) -> Entity:
        """Which entity it reads."""

    def pages(self) -> Iterator[Page]:
        """The pages, fetched as they are asked for."""

    def covered(self) -> ReadRange | None:
        """After the last page: where a record that was not shown is missing. None: absence means nothing."""

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """Fresh pages in which the missing would be, wherever they may have moved to by now."""
