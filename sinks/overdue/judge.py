"""Which rows of a table their topic no longer has, after a time in which deletions came and went unheard. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.topics import entity_key, split_key
from sinks.messages import Message

# More than both of a company's rows are not deleted without a person, nor are all of them.
BRAKE_SHARE = 0.10
BRAKE_ROWS = 20


@dataclass(slots=True)
class TopicKeys:
    """What a read of a whole partition found: keys that end in a value, and the highest version of each company.

    A deletion record counts as a value: it is merged like any other. Only a key without any speaks of a lost deletion.
    """

    present: set[bytes] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)

    def add(self, messages: Iterable[Message]) -> None:
        """Take records in the order of their offsets."""
        for message in messages:
            key = message.key()
            if not key:
                continue
            if message.value() is None:
                self.present.discard(key)
            else:
                self.present.add(key)
            self._note_version(message, key)

    def _note_version(self, message: Message, key: bytes) -> None:
        try:
            version = RecordHeaders.decode(message.headers()).version
            company_id = split_key(key)[0]
        except InvalidRecordError:
            return
        if version > self.versions.get(company_id, -1):
            self.versions[company_id] = version


class LiveRow(NamedTuple):
    """A row that is not deleted."""

    entity_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one company's rows: those to delete, and how many only a person may delete."""

    delete: tuple[LiveRow, ...] = ()
    held: int = 0


def judge(company_id: str, rows: Sequence[LiveRow], keys: TopicKeys) -> Verdict:
    """`rows`: all live ones of the company that came from this topic. What is not older than the topic is held."""
    missing = [row for row in rows if entity_key(company_id, row.entity_id) not in keys.present]
    if not missing:
        return Verdict()
    many = len(missing) > BRAKE_ROWS and len(missing) > BRAKE_SHARE * len(rows)
    if many or len(missing) == len(rows):
        return Verdict(held=len(missing))
    highest = keys.versions.get(company_id, -1)
    delete = tuple(row for row in missing if row.version < highest)
    return Verdict(delete, len(missing) - len(delete))
