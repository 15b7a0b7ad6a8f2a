"""Rebuilds the canonical topics from the raw ones: publishes only what differs, and deletes strays.

Needed after a mistake in the rules, or when a canonical topic was lost. A stray is a canonical record of which the raw
topics hold nothing. Committed offsets and kept state do not matter. The version is the company's highest in either kind
of topic, so that none decreases and readers take the new records. Everything is read once before anything is published:
see `streams.rebuild_check` for what stops a rebuild.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from core.clock import Clock
from core.errors import ConfigurationError, InvalidRecordError
from core.kafka.groups import group_members
from core.kafka.read import read_to_end, reading_config
from core.kafka.record_headers import RecordHeaders
from core.log import get_logger
from core.retry import Patience
from core.settings import Settings
from core.topics import split_key
from schemas.batch_codec import BatchDecoder
from schemas.codec import Record, SchemaSource, to_micros
from schemas.entities import ENTITIES
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS
from streams.outputs import render
from streams.publisher import PartitionPublisher
from streams.rebuild_check import NOTHING_ALLOWED, Allowed, CanonicalKey, Findings, check
from streams.records import Codecs, Output, RawRecord
from streams.startup import PATIENCE_S, prepare
from streams.state.company import EntityRef
from streams.state.loader import raw_record
from streams.state.partition import PartitionState, PendingOutput, PendingOutputs

RUN_ID = "rebuild"
_ENTITY_OF = {entity.canonical_topic: entity.name for entity in ENTITIES}

log = get_logger(__name__)


@dataclass(slots=True)
class Canonical:
    """The last record of each key of a partition's canonical topics, updated with what is published.

    `unseen`: keys with a record that no output was compared with yet.
    """

    decode: dict[str, BatchDecoder]
    last: dict[CanonicalKey, bytes | None] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)
    unseen: set[CanonicalKey] = field(default_factory=set)

    def note(self, topic: str, key: bytes, value: bytes | None, version: int) -> None:
        """A record that the topic holds."""
        self.last[topic, key] = value
        company_id = split_key(key)[0]
        self.versions[company_id] = max(self.versions[company_id], version)
        (self.unseen.discard if value is None else self.unseen.add)((topic, key))

    def differing(self, outputs: Sequence[Output]) -> list[Output]:
        """The outputs whose content differs from what the topics hold, whatever the versions."""
        before = self._decoded([self.last.get(_key(output)) for output in outputs], outputs)
        after = self._decoded([output.value for output in outputs], outputs)
        found: list[Output] = []
        for output, was, becomes in zip(outputs, before, after, strict=True):
            self.unseen.discard(_key(output))
            if output.value is None:
                # The tombstone goes with the deletion in front of it, or not at all.
                differs = bool(found) and found[-1].key == output.key and found[-1].topic == output.topic
            elif becomes is not None and becomes["deleted_at"] is not None:
                differs = was is not None
            else:
                differs = was != becomes
            if differs:
                found.append(output)
                self.last[_key(output)] = output.value
        return found

    def _decoded(self, values: Sequence[bytes | None], outputs: Sequence[Output]) -> list[Record | None]:
        """The records without their versions; None for a tombstone, for nothing, and for what cannot be read."""
        records: list[Record | None] = [None] * len(values)
        for topic in {output.topic for output in outputs}:
            numbers = [n for n, output in enumerate(outputs) if output.topic == topic and values[n] is not None]
            decoded = self.decode[topic]([value for n in numbers if (value := values[n]) is not None])
            for number, record in zip(numbers, decoded, strict=True):
                if isinstance(record, dict):
                    records[number] = {name: value for name, value in record.items() if name != "version"}
        return records


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """What may be skipped or deleted, and whether anything is published at all."""

    allowed: Allowed = NOTHING_ALLOWED
    dry_run: bool = False


DEFAULT_OPTIONS = RebuildOptions()


def rebuild(
    settings: Settings,
    source: SchemaSource,
    clock: Clock,
    stop: threading.Event,
    *,
    group_id: str,
    options: RebuildOptions = DEFAULT_OPTIONS,
) -> Counter[str]:
    """How many records were published, or would be, by canonical topic, tombstones not counted. Blocks.

    Raises ConfigurationError while streams run, FatalError when a broker or the registry stays unavailable, or when too
    much would be deleted: then nothing is published. StoppedError if stopped meanwhile.
    """
    codecs = prepare(settings, source, clock, stop)
    patience = Patience(clock, stop, PATIENCE_S)
    patience.until_done(lambda: _refuse_while_streams_run(settings, group_id))
    decode = {topic: BatchDecoder(topic, source) for topic in CANONICAL_TOPICS}

    def partition(number: int) -> _Partition:
        return _Partition(settings, number, codecs, Canonical(decode), clock)

    found = Findings()
    for number in range(settings.entity_partitions):
        found.merge(partition(number).examined())
    check(found, options.allowed)
    published: Counter[str] = Counter()
    for number in range(settings.entity_partitions):
        publisher = None
        if not options.dry_run:
            publisher = PartitionPublisher.open(settings, f"{group_id}-{number}", number, patience)
        for outputs in partition(number).differing(found.strays):
            if publisher is not None:
                publisher.publish(outputs)
            published.update(output.topic for output in outputs if output.value is not None)
    log.info("canonical_topics_rebuilt", dry_run=options.dry_run, deleted=len(found.strays), **published)
    return published


class _Partition:
    """One partition number of all topics."""

    def __init__(self, settings: Settings, number: int, codecs: Codecs, canonical: Canonical, clock: Clock) -> None:
        self._settings = settings
        self._number = number
        self._codecs = codecs
        self._canonical = canonical
        self._clock = clock
        self._state = PartitionState(codecs, partitions=settings.entity_partitions)

    def examined(self) -> Findings:
        """What may stop the rebuild: the topics are read and compared by their keys."""
        found, known = Findings(), set()
        self._read_canonical()
        for raw, error in self._loaded():
            known.add((raw.entity.canonical_topic, raw.key or b""))
            if error is None:
                found.add_valid(raw)
            else:
                found.add_invalid(raw, error)
        found.compare(self._canonical.unseen, known)
        return found

    def differing(self, strays: Collection[CanonicalKey]) -> Iterator[list[Output]]:
        """What is to be published, in batches: the whole state is loaded first, then every record is applied.

        `strays` are the canonical records to delete.
        """
        self._read_canonical()
        for _ in self._loaded():
            pass
        for company_id, version in self._canonical.versions.items():
            company = self._state.company(company_id)
            company.version = max(company.version, version)
        for batch in self._raw():
            _apply_valid(batch, self._state)
            yield self._canonical.differing(self._rendered(self._state.take_pending()))
        yield self._rendered(self._deletions(self._canonical.unseen & set(strays)))

    def _read_canonical(self) -> None:
        for batch in self._read(CANONICAL_TOPICS):
            for message in batch:
                self._note(message)

    def _loaded(self) -> Iterator[tuple[RawRecord, InvalidRecordError | None]]:
        """Each raw record after it was loaded, or with the error because of which it was not."""
        for batch in self._raw():
            for raw in batch:
                try:
                    self._state.load(raw, committed=0)
                except InvalidRecordError as error:
                    yield raw, error
                else:
                    yield raw, None

    def _deletions(self, strays: Collection[CanonicalKey]) -> PendingOutputs:
        now = to_micros(self._clock.now())
        pending: PendingOutputs = {}
        for topic, key in sorted(strays):
            company_id, entity_id = split_key(key)
            pending[company_id, EntityRef(_ENTITY_OF[topic], entity_id)] = PendingOutput(RUN_ID, deleted_at=now)
        return pending

    def _rendered(self, pending: PendingOutputs) -> list[Output]:
        return list(render(self._state, pending.items(), self._codecs, Counter()))

    def _raw(self) -> Iterator[list[RawRecord]]:
        for messages in self._read(RAW_TOPICS):
            batch = [raw_record(message) for message in messages]
            self._codecs.decode_values(batch)
            yield batch

    def _read(self, topics: Sequence[str]) -> Iterator[list[Any]]:
        with closing(Consumer(reading_config(self._settings, RUN_ID))) as consumer:
            yield from read_to_end(
                consumer, [TopicPartition(topic, self._number, OFFSET_BEGINNING) for topic in topics]
            )

    def _note(self, message: Any) -> None:
        try:
            split_key(message.key())
            version = RecordHeaders.decode(message.headers()).version
        except InvalidRecordError:
            # Not written by streams: no reader takes it, and its key is none of ours.
            return
        self._canonical.note(message.topic(), message.key(), message.value(), version)


def _apply_valid(batch: Sequence[RawRecord], state: PartitionState) -> None:
    """Apply each valid record; the others were dead-lettered when they were delivered, or will be."""
    for raw in batch:
        with contextlib.suppress(InvalidRecordError):
            state.apply(raw)


def _key(output: Output) -> CanonicalKey:
    assert output.key is not None
    return output.topic, output.key


def _refuse_while_streams_run(settings: Settings, group_id: str) -> None:
    if number := group_members(settings, group_id):
        raise ConfigurationError(
            f"{number} streams processes are running: stop them, run the rebuild, start them again."
        )
