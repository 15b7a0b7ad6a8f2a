"""What a run remembers, as a seam: how far it is, what was published, what it did not see, what is held.

Every method that writes is one transaction under the lease's epoch: all of it is kept when it returns, nothing if it
raises. FencedError when another poller has taken the connection over, RetriableError when the database is away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from control.checkpoints import Checkpoint
from control.entity_reads import CompleteRead, IncompleteRead
from control.refused_rows import RefusedRow
from control.runs import Counts
from control.source_state import Known, Published, PublishedCount, ReadRange


@dataclass(frozen=True, slots=True)
class Progress:
    """The run as a whole: records published in this attempt so far, and the counts of all attempts."""

    position: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page whose changes are published: what to remember of it.

    `refused`: rows of it that are dead letters now; `understood`: ids of rows that were, and are no more.

    `checkpoint` (of the read by its name) is None for pages of a second look.
    `announce_next`: changes of the next page, as `Ledger.announce` takes them.
    `outside_ids`: rows that it showed outside the range asked for.
    """

    entity: str
    published: Sequence[Published]
    progress: Progress
    digests: Mapping[str, bytes] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    number: int = 0
    entity_ids: Sequence[str] = ()
    announce_next: Sequence[Published] = ()
    outside_ids: Sequence[str] = ()
    refused: Sequence[RefusedRow] = ()
    understood: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """What a complete read did not show, of how many records."""

    entity_ids: Sequence[str]
    published: PublishedCount


def outside(read: str) -> str:
    """Under this name `Ledger.seen` has what pages of a read showed outside the range asked for."""
    return f"{read}/beyond"


class Ledger(Protocol):
    """The memory of one run of one company. `read` is the name of a read (see producers.source.EntityRead)."""

    def checkpoints(self) -> dict[str, Checkpoint]:
        """How far earlier attempts came, by the name of the read."""

    def begin_read(self, read: str, began_at: datetime) -> None:
        """A read begins; its first beginning counts."""

    def known(self, entity: str, entity_ids: Sequence[str], *, asked_for: bool = True) -> dict[str, Known]:
        """What is published of these ids. `asked_for`: they are among what the run is to take in."""

    def count(self, entity: str) -> int:
        """How many records of the entity are published."""

    def seen(self, read: str, *, among: Collection[str] | None = None) -> set[str]:
        """Ids that pages of the read showed: all, or those among some."""

    def refused(self, entity: str) -> dict[str, RefusedRow]:
        """Rows of the entity that are dead letters now, by id."""

    def announce(self, entity: str, changes: Sequence[Published]) -> None:
        """Remember, whatever may crash, changes that are about to be published; `fingerprint` as if in doubt.

        What remembers them as published withdraws it: record_page or drop.
        """

    def mark_unconfirmed(self) -> int:
        """Doubt what an earlier run or attempt announced and never recorded; how many records that are."""

    def record_page(self, taken: PageRecord) -> None:
        """Remember a page with all that follows from it, and announce the changes of `announce_next`."""

    def end_pages(self, read: str) -> None:
        """All pages are taken; deletions are to be looked for."""

    def missing(self, entity: str, covered: ReadRange) -> Missing:
        """Published records in the range that no page showed."""

    def released(self, entity: str) -> set[str]:
        """Held records that an operator let go."""

    def held(self, entity: str) -> set[str]:
        """Held records that nobody let go."""

    def drop(self, entity: str, entity_ids: Sequence[str], progress: Progress) -> None:
        """Forget records whose deletion is published."""

    def end_read(
        self, read: str, end: CompleteRead | IncompleteRead | None, *, held: Sequence[str], returned: Collection[str]
    ) -> None:
        """The read came to its end; None if another read of the run says what became of the entity.

        `held`: what the brake keeps; `returned`: what only the second look showed.
        """
