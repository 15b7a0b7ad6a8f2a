"""Whether the schema ids on stored records name, in this registry, the schemas that the records were written with.

Ids belong to one registry. One that was lost and set up again gives others, and every record that is stored becomes
unreadable, or readable as something else. A record whose bytes are exactly one of its topic's committed schema, and
whose value names the entity of its key, is ours whatever its id says: if the registry says otherwise, the registry is
another one than before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, TopicPartition

from core.errors import ConfigurationError, InvalidRecordError
from core.kafka.read import offsets_held, read_to_end, reading_config
from core.settings import Settings
from core.topics import split_key
from schemas.avro_files import plain_schema
from schemas.codec import BIGGEST_VALUE, HEADER_BYTES, Decoder, Record, SchemaSource, decoded, schema_id_of
from schemas.entities import ENTITIES
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS

ENTITY_TOPICS = (*RAW_TOPICS, *CANONICAL_TOPICS)
# So many of each partition are checked, from its end; transaction markers are among them.
_LAST_OFFSETS = 16
_ID_FIELD = {entity.raw_topic: "entity_id" for entity in ENTITIES} | {
    entity.canonical_topic: entity.id_field for entity in ENTITIES
}


@dataclass(frozen=True, slots=True)
class ForeignId:
    """A record whose schema id is another registry's."""

    topic: str
    partition: int
    offset: int
    schema_id: int
    reason: str


class IdCheck:
    """Finds records that carry another registry's ids, among right ones and records that are not ours."""

    def __init__(self, source: SchemaSource) -> None:
        self._decoders = {topic: Decoder(topic, source) for topic in ENTITY_TOPICS}

    def wrong(self, topic: str, key: bytes | None, value: bytes | None) -> str | None:
        """Why the registry does not read a record that is certainly ours; None for all others. RetriableError: away."""
        if value is None or not _names_its_key(_as_committed(topic, value), topic, key):
            return None
        try:
            record = self._decoders[topic](value)
        except InvalidRecordError as error:
            return error.reason
        return None if _names_its_key(record, topic, key) else "The registry gives it to a schema that misreads it."


def check_stored_ids(settings: Settings, source: SchemaSource, topics: Sequence[str] = ENTITY_TOPICS) -> None:
    """ConfigurationError, with the way out, if records at the ends of these topics bear another registry's ids.

    Reads a few records of each partition. RetriableError when brokers or the registry are away.
    """
    # Behind a record whose id was restored lies the one with its old id.
    newest = {(message.topic(), message.key()): message for message in _newest(settings, topics)}
    refuse(list(foreign_ids(IdCheck(source), newest.values())))


def foreign_ids(check: IdCheck, messages: Iterable[Message]) -> Iterator[ForeignId]:
    """Those records of entity topics that bear another registry's ids."""
    for message in messages:
        topic, value = message.topic() or "", message.value()
        reason = check.wrong(topic, message.key(), value)
        if reason is not None and value is not None:
            place = message.partition() or 0, message.offset() or 0
            yield ForeignId(topic, *place, schema_id_of(value), reason)


def refuse(found: Sequence[ForeignId]) -> None:
    """ConfigurationError if there are any."""
    if not found:
        return
    first, ids = found[0], Counter((one.topic, one.schema_id) for one in found)
    shown = ", ".join(f"{topic}: {schema_id}" for topic, schema_id in sorted(ids))
    raise ConfigurationError(
        f"Stored records carry schema ids of another registry ({shown}; first {first.topic} partition "
        f"{first.partition} offset {first.offset}: {first.reason.rstrip('.')}). The registry was lost, or is another "
        "one than before. Bring that one back, or stop poller, streams and sink, run `protiv-buildertrend setup`, then "
        "`protiv-buildertrend topics restore-ids`, and start them again."
    )


def _as_committed(topic: str, value: bytes) -> Record | None:
    """The record as the topic's committed schema reads it, if it is one to the last byte."""
    if not HEADER_BYTES <= len(value) <= BIGGEST_VALUE or value[0] != 0:
        return None
    try:
        return decoded(value, plain_schema(topic))
    except (InvalidRecordError, MemoryError):
        return None


def _names_its_key(record: Record | None, topic: str, key: bytes | None) -> bool:
    if record is None:
        return False
    try:
        return split_key(key) == (record["company_id"], record[_ID_FIELD[topic]])
    except InvalidRecordError:
        return False


def _newest(settings: Settings, topics: Sequence[str]) -> Iterator[Message]:
    places = [TopicPartition(topic, number) for topic in topics for number in range(settings.entity_partitions)]
    with closing(Consumer(reading_config(settings, "protiv-checks-ids"))) as consumer:
        starts = [start for place in places if (start := _near_the_end(consumer, place)) is not None]
        for batch in read_to_end(consumer, starts):
            yield from batch


def _near_the_end(consumer: Consumer, place: TopicPartition) -> TopicPartition | None:
    """None for a partition without records."""
    first, end = offsets_held(consumer, place)
    return None if end == first else TopicPartition(place.topic, place.partition, max(first, end - _LAST_OFFSETS))
