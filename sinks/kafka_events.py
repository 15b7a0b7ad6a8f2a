"""What a consumed message that is no record says: the end of a partition, a lost position, or something passing."""

from __future__ import annotations

from enum import Enum, auto

from confluent_kafka import KafkaError

from core.errors import FatalError


class Event(Enum):
    """How the loop must take a report of the client."""

    END_OF_PARTITION = auto()
    OUT_OF_RANGE = auto()
    PASSING = auto()


# The client's own codes begin with an underscore, which is part of their public names.
_EVENTS = {
    "_PARTITION_EOF": Event.END_OF_PARTITION,
    "_AUTO_OFFSET_RESET": Event.OUT_OF_RANGE,
    "OFFSET_OUT_OF_RANGE": Event.OUT_OF_RANGE,
    "_TRANSPORT": Event.PASSING,
    "_ALL_BROKERS_DOWN": Event.PASSING,
    "_TIMED_OUT": Event.PASSING,
    "_MAX_POLL_EXCEEDED": Event.PASSING,
    "_RESOLVE": Event.PASSING,
    "UNKNOWN_TOPIC_OR_PART": Event.PASSING,
    "_UNKNOWN_PARTITION": Event.PASSING,
    "_UNKNOWN_TOPIC": Event.PASSING,
    "UNKNOWN_TOPIC_ID": Event.PASSING,
    "INCONSISTENT_TOPIC_ID": Event.PASSING,
}
_BY_CODE = {getattr(KafkaError, name): event for name, event in _EVENTS.items() if hasattr(KafkaError, name)}


def event_of(error: KafkaError) -> Event:
    """What to do about `error`; FatalError for one that would go unnoticed otherwise."""
    event = _BY_CODE.get(error.code())
    if event is not None:
        return event
    if error.retriable() and not error.fatal():
        return Event.PASSING
    raise FatalError(f"The consumer cannot go on: {error.str()} ({error.name()}).")
