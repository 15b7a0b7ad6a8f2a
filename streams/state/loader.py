"""Loads the state of newly assigned partitions from the compacted raw topics, committed records only."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from core.dead_letters.letter import header_list
from core.errors import ConfigurationError, FatalError, InvalidRecordError
from core.kafka.groups import committed_offsets
from core.kafka.read import PartitionKey, partition_of, read_to_end, reading_config
from core.kafka.record_headers import RecordHeaders
from core.log import get_logger
from core.retry import Patience
from core.settings import Settings
from core.topics import split_key
from schemas.codec import schema_id_of
from schemas.entities import ENTITIES
from schemas.stored_ids import ForeignId, IdCheck, refuse
from streams import metrics
from streams.records import Codecs, RawRecord, is_older
from streams.shifts.batch import Fetched, load_together
from streams.state.company import EntityRef
from streams.state.partition import PartitionState

# Shown also while there are none, so that an alert sees them come.
_SHOWN_CLASSES = frozenset({"undecodable", "unknown-schema", "wrong-schema"})
_ENTITY_BY_RAW_TOPIC = {entity.raw_topic: entity for entity in ENTITIES}

log = get_logger(__name__)


class StateLoader:
    """Loads partitions with a consumer of its own: it never joins the group and commits nothing."""

    def __init__(self, settings: Settings, group_id: str, codecs: Codecs) -> None:
        self._settings = settings
        self._group_id = group_id
        self._codecs = codecs

    def load(
        self,
        partitions: Collection[int],
        kept: Mapping[int, PartitionState],
        patience: Patience,
        *,
        stopped: Callable[[], bool],
    ) -> dict[int, PartitionState]:
        """The state of each partition as of now. Blocks; after an outage it continues where it was.

        For a state in `kept` only later records are read. Ends early when `stopped` returns true; what it has loaded by
        then may be kept, but not be used to process records.
        """
        count = self._settings.entity_partitions
        states = {each: kept.get(each) or PartitionState(self._codecs, partitions=count) for each in partitions}
        for state in states.values():
            state.resume()
        with metrics.LOAD_SECONDS.time(), _garbage_collection_paused():
            patience.until_done(lambda: self._load(states, patience, stopped))
        return states

    def _load(self, states: Mapping[int, PartitionState], patience: Patience, stopped: Callable[[], bool]) -> None:
        refused = Refused(IdCheck(self._codecs.source))
        raw = [(entity.raw_topic, number) for entity in ENTITIES for number in states]
        committed = committed_offsets(self._settings, self._group_id, raw)
        with closing(Consumer(reading_config(self._settings, self._group_id))) as consumer:
            starts = [
                TopicPartition(entity.raw_topic, number, state.next_offset(entity) or OFFSET_BEGINNING)
                for number, state in states.items()
                for entity in ENTITIES
            ]
            for messages in read_to_end(consumer, starts, on_progress=patience.on_wait, stopped=stopped):
                for place, fetched in _by_partition(messages):
                    load_together(
                        states[fetched.partition],
                        fetched,
                        self._codecs,
                        committed=committed[place] or 0,
                        decode_values=lambda raws: patience.until_done(partial(self._codecs.decode_values, raws)),
                        refused=refused.note,
                    )
        refused.report(states)
        sizes = sum((state.sizes().total() for state in states.values()), 0)
        log.info("state_loaded", partitions=sorted(states), entities=sizes, unusable_records=refused.total)


class Refused:
    """Records that could not be loaded: they were dead-lettered before, unless their ids are of another registry."""

    def __init__(self, check: IdCheck) -> None:
        self._check = check
        self._foreign: dict[tuple[str, bytes | None], tuple[RawRecord, str]] = {}
        self._by_class: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self._by_class.total()

    def note(self, raw: RawRecord, error: InvalidRecordError) -> None:
        """RetriableError if the registry is away."""
        self._by_class[error.error_class] += 1
        reason = self._check.wrong(raw.entity.raw_topic, raw.key, raw.value)
        if reason is not None:
            self._foreign[raw.entity.raw_topic, raw.key] = raw, reason

    def report(self, states: Mapping[int, PartitionState]) -> None:
        """Show how many there are; FatalError if some are valid and only unreadable with this registry."""
        for error_class in self._by_class.keys() | _SHOWN_CLASSES:
            metrics.STATE_UNUSABLE.labels(error_class).set(self._by_class[error_class])
        if self._by_class:
            named = {error_class.replace("-", "_"): number for error_class, number in self._by_class.items()}
            log.warning("state_records_unusable", **named)
        foreign = [
            ForeignId(raw.entity.raw_topic, raw.partition, raw.offset, schema_id_of(raw.value or b""), reason)
            for raw, reason in self._foreign.values()
            if not _is_superseded(raw, states[raw.partition])
        ]
        try:
            refuse(foreign)
        except ConfigurationError as exc:
            # It cannot be corrected while the process runs.
            raise FatalError(f"{len(foreign)} records of the state cannot be read. {exc}") from exc


def _is_superseded(raw: RawRecord, state: PartitionState) -> bool:
    """Whether the state has the record's version or a newer one, for instance because its schema id was restored."""
    company_id, entity_id = split_key(raw.key)
    known = state.known_version(company_id, EntityRef(raw.entity.name, entity_id))
    try:
        version = RecordHeaders.decode(raw.headers).version
    except InvalidRecordError:
        # No poller wrote it.
        return True
    return known is not None and not is_older(known, version)


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Without garbage collection meanwhile: what is loaded stays, and would be searched again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _by_partition(messages: Sequence[Message]) -> Iterator[tuple[PartitionKey, Fetched]]:
    """The records of each partition of each topic, in their order; loading one topic does not depend on another."""
    found: dict[PartitionKey, list[Message]] = defaultdict(list)
    for message in messages:
        found[partition_of(message)].append(message)
    for place, own in found.items():
        yield place, _fetched(place, own)


def _fetched(place: PartitionKey, messages: Sequence[Message]) -> Fetched:
    topic, partition = place
    return Fetched(
        _ENTITY_BY_RAW_TOPIC[topic],
        partition,
        [message.offset() or 0 for message in messages],
        [_bytes(message.key()) for message in messages],
        [_bytes(message.value()) for message in messages],
        lambda number: raw_record(messages[number]),
    )


def raw_record(message: Message) -> RawRecord:
    """A raw record from a message of the client."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return RawRecord(
        _ENTITY_BY_RAW_TOPIC[topic],
        partition,
        offset,
        _bytes(message.key()),
        _bytes(message.value()),
        header_list(message.headers()),
        message.timestamp()[1],
    )


def _bytes(content: bytes | str | None) -> bytes | None:
    assert not isinstance(content, str)
    return content
