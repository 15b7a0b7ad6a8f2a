"""Rows that cannot be read and records that Kafka does not take: each becomes one dead letter of the poller.

A letter's value is the row as JSON, within bounds and without the worker's location. When the row can be read, is
refused anew or is gone from the source, a receipt closes its letter, as the receipts of a replay do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from hashlib import blake2b

from msgspec import structs

from control.refused_rows import RefusedRow
from core.dead_letters.letter import RejectedRecord, dead_letter_headers, receipt_headers
from core.errors import InvalidRecordError
from core.topics import DEAD_LETTERS, entity_key, split_key
from producers.replay.plan import SOURCE_STAGE
from producers.runs.compare import Comparison, Refused
from producers.runs.ledger import PageRecord
from producers.runs.messages import Batch, Message
from producers.runs.pipeline import ComparedPage
from producers.runs.publisher import Delivery
from producers.runs.run import Run
from schemas.entities import Entity

# A row was never at an offset of its topic; a letter states one all the same.
_NO_PLACE = 0


class RefusedRows:
    """The refused rows of one entity, as the ledger has them and as this read changes them."""

    def __init__(self, run: Run, entity: Entity) -> None:
        self._run = run
        self._entity = entity
        self._kept = run.services.ledger.refused(entity.name)

    def digests(self) -> dict[str, bytes]:
        """The hash of what was refused, by id."""
        return {entity_id: row.digest for entity_id, row in self._kept.items()}

    def with_letters(self, batch: Batch, comparison: Comparison) -> Batch:
        """The batch with dead letters of the rows that are refused now, and receipts of those that no longer are."""
        replaced = self._known_among([one.entity_id for one in comparison.refused])
        understood = self._known_among(comparison.understood)
        if not comparison.refused and not understood:
            return batch
        letters = [
            *self._receipts(replaced, "replaced"),
            *self._receipts(understood, "understood"),
            *self._letters(comparison.refused),
        ]
        for entity_id in comparison.understood:
            self._kept.pop(entity_id, None)
        self._kept.update({one.entity_id: one.kept() for one in comparison.refused})
        return replace(batch, letters=letters)

    def with_delivery(self, page: ComparedPage, delivery: Delivery) -> PageRecord:
        """What to record of a page that Kafka has: the offsets of its letters, and without the records it refused."""
        record = page.record
        if not record.refused and not delivery.refused:
            return record
        refused = _not_taken(page, delivery)
        offsets = dict(delivery.letters)
        if refused:
            offsets |= self._run.services.publisher.publish(self._letters(refused)).letters
        by_id = {split_key(key)[1]: offset for key, offset in offsets.items()}
        rows = [
            structs.replace(row, letter_offset=by_id.get(row.entity_id))
            for row in (*record.refused, *(one.kept() for one in refused))
        ]
        gone = {one.entity_id for one in refused}
        # Not a row that was understood meanwhile, on a page after this one.
        self._kept.update({row.entity_id: row for row in rows if row.entity_id in self._kept or row.entity_id in gone})
        published = [one for one in record.published if one.entity_id not in gone]
        return replace(record, refused=rows, published=published)

    def gone(self, shown: Collection[str]) -> list[RefusedRow]:
        """Refused rows that a read of everything did not show."""
        return [row for entity_id, row in self._kept.items() if entity_id not in shown]

    def receipts_of_gone(self, rows: Collection[RefusedRow]) -> Batch:
        return Batch(self._entity.name, letters=self._receipts(rows, "gone"))

    def _known_among(self, entity_ids: Collection[str]) -> list[RefusedRow]:
        return [self._kept[one] for one in entity_ids if one in self._kept]

    def _letters(self, rows: Collection[Refused]) -> list[Message]:
        return [self._letter(one) for one in rows]

    def _letter(self, one: Refused) -> Message:
        run = self._run.assignment.run
        key = entity_key(run.company_id, one.entity_id)
        stated = [("company_id", run.company_id.encode()), ("run_id", run.run_id.encode())]
        record = RejectedRecord(self._entity.raw_topic, _NO_PLACE, _NO_PLACE, key, one.value, list(stated))
        error = InvalidRecordError(one.reason, error_class="source-row")
        headers = dead_letter_headers(record, stage=SOURCE_STAGE, error=error, seen_at=self._run.services.clock.now())
        return Message(DEAD_LETTERS, key, one.value, _as_bytes(headers))

    def _receipts(self, rows: Collection[RefusedRow], outcome: str) -> list[Message]:
        company_id, now = self._run.assignment.run.company_id, self._run.services.clock.now()
        return [
            Message(
                DEAD_LETTERS,
                entity_key(company_id, row.entity_id),
                None,
                _as_bytes(receipt_headers(row.letter_offset, outcome=outcome, at=now)),
            )
            for row in rows
            if row.letter_offset is not None
        ]


def _not_taken(page: ComparedPage, delivery: Delivery) -> list[Refused]:
    """The page's records that Kafka does not take, as refused rows."""
    values = {message.key: message.value for message in page.batch.messages}
    states = {one.entity_id: one.fingerprint for one in page.batch.published}
    by_id = {split_key(key)[1]: (key, why) for key, why in delivery.refused.items() if key in values}
    return [
        _refused_by_kafka(entity_id, values[key], why, states[entity_id])
        for entity_id, (key, why) in by_id.items()
        if entity_id in states
    ]


def _refused_by_kafka(entity_id: str, value: bytes | None, why: str, fingerprint: bytes) -> Refused:
    size, digest = len(value or b""), blake2b(value or b"", digest_size=16).hexdigest()
    note = f'{{"bytes":{size},"blake2b":"{digest}"}}'.encode()
    return Refused(entity_id, f"Kafka does not take the record of {size:,} bytes ({why}).", note, fingerprint)


def _as_bytes(headers: Iterable[tuple[str, str | bytes | None]]) -> list[tuple[str, bytes]]:
    return [(name, value.encode() if isinstance(value, str) else value or b"") for name, value in headers]
