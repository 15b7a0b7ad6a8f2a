"""What a run says about the read of one entity, on `integration.sync-events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from control.entity_reads import CompleteRead
from control.runs import RunId
from producers.buildertrend.faults import SOURCE_INCOMPLETE
from producers.runs.time_left import Pace
from producers.sync_events import EventWriter, SyncEvent


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """Says how the read of `entity` goes, to the command that the run is for."""

    events: EventWriter
    run: RunId
    command_id: str | None
    entity: str
    pace: Pace

    def progress(self, counts: Mapping[str, int], *, pages_done: int, pages_total: int | None) -> None:
        """A page is taken."""
        total = None if pages_total is None else max(pages_total, pages_done)
        left = self.pace.seconds_left(pages_done, total)
        event = replace(self._event("progress", counts), pages_done=pages_done, pages_total=total, seconds_left=left)
        self.events.write(event)

    def complete(self, read: CompleteRead, counts: Mapping[str, int], *, pages: int) -> None:
        """The read came to its end."""
        event = replace(self._event("entity-complete", counts), pages_done=pages, pages_total=pages)
        through = None if read.to_day else read.through
        self.events.write(replace(event, from_date=read.from_day, to_date=read.to_day, complete_through=through))

    def incomplete(self, message: str, counts: Mapping[str, int]) -> None:
        """The read came to its end without having been shown everything."""
        self.events.write(replace(self._event("progress", counts), message=message, fault=SOURCE_INCOMPLETE.name))

    def held(self, counts: Mapping[str, int], *, missing: int, published: int) -> None:
        """The brake is pulled."""
        message = (
            f"{missing} of {published} {self.entity} are no longer shown by Buildertrend. "
            "Nothing was deleted: look at them, then release the deletions or wait for the records' return."
        )
        self.events.write(replace(self._event("held", counts), message=message))

    def _event(self, kind: str, counts: Mapping[str, int]) -> SyncEvent:
        return SyncEvent(
            company_id=self.run.company_id,
            type=kind,
            command_id=self.command_id,
            run_id=self.run.run_id,
            entity=self.entity,
            counts=dict(counts),
        )
