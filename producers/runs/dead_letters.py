"""Dead letters of the poller: rows that are not understood and records that Kafka does not take, each once.

A letter's value is the row as JSON, within bounds and without where somebody stood. When the row is understood, is
refused anew or is gone from the source, a receipt says that its letter is done with, as a replay's receipts do.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b

from control.refused_rows import RefusedRow
from control.runs import RunId
from core.dead_letters.letter import RejectedRecord, dead_letter_headers, receipt_headers
from core.errors import InvalidRecordError
from core.topics import DEAD_LETTERS, entity_key
from producers.replay.plan import SOURCE_STAGE
from producers.runs.compare import Refused
from producers.runs.messages import Message

# A row never was at a place of its topic; a letter states one all the same.
_NO_PLACE = 0


def not_taken(entity_id: str, value: bytes | None, why: str, fingerprint: bytes) -> Refused:
    """A record that Kafka does not take, whatever its bytes hold."""
    size, digest = len(value or b""), blake2b(value or b"", digest_size=16).hexdigest()
    note = f'{{"bytes":{size},"blake2b":"{digest}"}}'.encode()
    return Refused(entity_id, f"Kafka does not take the record of {size:,} bytes ({why}).", note, fingerprint)


def letters(refused: Iterable[Refused], run: RunId, *, topic: str, at: datetime) -> list[Message]:
    """The dead letters of rows of a raw topic."""
    return [_letter(one, run, topic, at) for one in refused]


def receipts(rows: Iterable[RefusedRow], run: RunId, *, outcome: str, at: datetime) -> list[Message]:
    """What says that these rows' letters are done with."""
    return [
        Message(
            DEAD_LETTERS,
            entity_key(run.company_id, row.entity_id),
            None,
            _as_bytes(receipt_headers(row.letter_offset, outcome=outcome, at=at)),
        )
        for row in rows
        if row.letter_offset is not None
    ]


def _letter(one: Refused, run: RunId, topic: str, at: datetime) -> Message:
    key = entity_key(run.company_id, one.entity_id)
    stated = [("company_id", run.company_id.encode()), ("run_id", run.run_id.encode())]
    record = RejectedRecord(topic, _NO_PLACE, _NO_PLACE, key, one.value, list(stated))
    error = InvalidRecordError(one.reason, error_class="source-row")
    return Message(
        DEAD_LETTERS,
        key,
        one.value,
        _as_bytes(dead_letter_headers(record, stage=SOURCE_STAGE, error=error, seen_at=at)),
    )


def _as_bytes(headers: Iterable[tuple[str, str | bytes | None]]) -> list[tuple[str, bytes]]:
    return [(name, value.encode() if isinstance(value, str) else value or b"") for name, value in headers]
