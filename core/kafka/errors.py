"""What an error of the Kafka client means for whoever reads or writes: the one place that decides it by the code."""

from __future__ import annotations

from enum import Enum, auto

from confluent_kafka import KafkaError


class Meaning(Enum):
    """What to do about an error. FINAL: no repetition ends it, so it must not go unnoticed."""

    END_OF_PARTITION = auto()
    OFFSET_LOST = auto()
    NO_SUCH_TOPIC = auto()
    FENCED = auto()
    RECORD_REFUSED = auto()
    TRANSACTION_LOST = auto()
    OUTAGE = auto()
    FINAL = auto()


# The client's own codes begin with an underscore, which is part of their public names.
_NAMES = {
    Meaning.END_OF_PARTITION: ("_PARTITION_EOF",),
    # The offset to read from is not in the topic: it was made anew, or retention was faster.
    Meaning.OFFSET_LOST: ("_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE"),
    Meaning.NO_SUCH_TOPIC: (
        "UNKNOWN_TOPIC_OR_PART",
        "_UNKNOWN_PARTITION",
        "_UNKNOWN_TOPIC",
        "UNKNOWN_TOPIC_ID",
        "INCONSISTENT_TOPIC_ID",
    ),
    # A newer producer with the same transactional id exists.
    Meaning.FENCED: ("_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH"),
    # What brokers, and the client before them, say of a record that no repetition makes acceptable.
    Meaning.RECORD_REFUSED: (
        "MSG_SIZE_TOO_LARGE",
        "RECORD_LIST_TOO_LARGE",
        "INVALID_MSG",
        "INVALID_MSG_SIZE",
        "INVALID_TIMESTAMP",
        "INVALID_RECORD",
        "POLICY_VIOLATION",
    ),
    # librdkafka refuses to produce once the transaction cannot be committed any more; the abort then says how badly.
    Meaning.TRANSACTION_LOST: ("_STATE",),
    Meaning.OUTAGE: ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_MAX_POLL_EXCEEDED", "_RESOLVE"),
}
_BY_CODE = {getattr(KafkaError, name): meaning for meaning, names in _NAMES.items() for name in names}


def meaning_of(error: KafkaError) -> Meaning:
    """By what the client says of the error first, then by its code."""
    by_code = _BY_CODE.get(error.code())
    if by_code is Meaning.FENCED:
        return by_code
    if error.fatal():
        return Meaning.FINAL
    if error.txn_requires_abort() and by_code is not Meaning.RECORD_REFUSED:
        return Meaning.TRANSACTION_LOST
    if by_code is not None:
        return by_code
    return Meaning.OUTAGE if error.retriable() else Meaning.FINAL
