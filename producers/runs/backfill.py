"""The ledger of a backfill: it forgets what was published, so that everything asked for is published again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from control.database import Writing
from control.entity_reads import IncompleteRead
from control.source_state import Known
from producers.runs.postgres_ledger import PostgresLedger

# No fingerprint is empty: whatever is read differs from it, and is told as an update.
_FORGOTTEN = Known(b"", None)


@dataclass(frozen=True, slots=True)
class BackfillLedger(PostgresLedger):
    """See producers.runs.ledger.Ledger. `entities` are those asked for; jobs are always read too."""

    entities: Collection[str]

    def known(self, entity: str, entity_ids: Sequence[str], *, asked_for: bool = True) -> dict[str, Known]:
        """Of what is asked for, which ids are published and nothing of what they were."""
        known = PostgresLedger.known(self, entity, entity_ids)
        return dict.fromkeys(known, _FORGOTTEN) if asked_for and entity in self.entities else known

    def _note_incomplete(self, tx: Writing, end: IncompleteRead) -> None:
        """Its command is told; what is complete of now is no matter of a read of the past."""
