"""What a run does about rows that are not understood and records that Kafka does not take: each is one dead letter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from control.refused_rows import RefusedRow
from core.topics import split_key
from producers.runs.batch import Batch
from producers.runs.compare import Comparison, Refused
from producers.runs.dead_letters import letters, not_taken, receipts
from producers.runs.ledger import PageRecord
from producers.runs.messages import Message
from producers.runs.pipeline import ComparedPage
from producers.runs.publisher import Delivery
from schemas.entities import Entity

if TYPE_CHECKING:
    from producers.runs.run import Run


class Refusals:
    """The refused rows of one entity, as the ledger keeps them and as this read goes on."""

    def __init__(self, run: Run, entity: Entity) -> None:
        self._run = run
        self._entity = entity
        self._kept = run.services.ledger.refused(entity.name)

    def digests(self) -> dict[str, bytes]:
        """What was refused, by id."""
        return {entity_id: row.digest for entity_id, row in self._kept.items()}

    def with_letters(self, batch: Batch, comparison: Comparison) -> Batch:
        """The batch with the dead letters of rows that are refused now, and receipts of those that no longer are."""
        over = self._known_among([one.entity_id for one in comparison.refused])
        done = self._known_among(comparison.understood)
        if not comparison.refused and not done:
            return batch
        found = [
            *self._receipts(over, "replaced"),
            *self._receipts(done, "understood"),
            *self._letters(comparison.refused),
        ]
        for entity_id in comparison.understood:
            self._kept.pop(entity_id, None)
        self._kept.update({one.entity_id: one.kept() for one in comparison.refused})
        return replace(batch, letters=found)

    def settled(self, page: ComparedPage, delivery: Delivery) -> PageRecord:
        """What to remember of a page, now that Kafka has it: where its letters are, and which records it refused."""
        taken = page.taken
        if not taken.refused and not delivery.refused:
            return taken
        refused = self._not_taken(page, delivery)
        offsets = dict(delivery.letters)
        if refused:
            offsets |= self._run.services.publisher.publish(self._letters(refused)).letters
        by_id = {split_key(key)[1]: offset for key, offset in offsets.items()}
        rows = [
            structs.replace(row, letter_offset=by_id.get(row.entity_id))
            for row in (*taken.refused, *(one.kept() for one in refused))
        ]
        gone = {one.entity_id for one in refused}
        # Not one that was understood meanwhile, on a page behind this one.
        self._kept.update({row.entity_id: row for row in rows if row.entity_id in self._kept or row.entity_id in gone})
        published = [one for one in taken.published if one.entity_id not in gone]
        return replace(taken, refused=rows, published=published)

    def gone(self, shown: Collection[str]) -> Batch | None:
        """Receipts of rows that a read of everything did not show; None where there is nothing to do."""
        missing = [row for entity_id, row in self._kept.items() if entity_id not in shown]
        return Batch(self._entity.name, letters=self._receipts(missing, "gone")) if missing else None

    def ids_gone(self, shown: Collection[str]) -> list[str]:
        return [entity_id for entity_id in self._kept if entity_id not in shown]

    def _not_taken(self, page: ComparedPage, delivery: Delivery) -> list[Refused]:
        values = {message.key: message.value for message in page.batch.messages}
        states = {one.entity_id: one.fingerprint for one in page.batch.published}
        by_id = {split_key(key)[1]: (key, why) for key, why in delivery.refused.items() if key in values}
        return [
            not_taken(entity_id, values[key], why, states[entity_id])
            for entity_id, (key, why) in by_id.items()
            if entity_id in states
        ]

    def _known_among(self, entity_ids: Collection[str]) -> list[RefusedRow]:
        return [self._kept[one] for one in entity_ids if one in self._kept]

    def _letters(self, rows: Collection[Refused]) -> list[Message]:
        run, now = self._run.assignment.run, self._run.services.clock.now()
        return letters(rows, run, topic=self._entity.raw_topic, at=now)

    def _receipts(self, rows: Collection[RefusedRow], outcome: str) -> list[Message]:
        run, now = self._run.assignment.run, self._run.services.clock.now()
        return receipts(rows, run, outcome=outcome, at=now)
