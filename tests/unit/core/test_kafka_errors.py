"""What errors of the Kafka client mean: one table for readers and writers."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from core.kafka.errors import Meaning, meaning_of


def error(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaError:
    return KafkaError(code, "scripted", fatal, retriable, abort)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("_PARTITION_EOF", Meaning.END_OF_PARTITION),
        ("_AUTO_OFFSET_RESET", Meaning.OFFSET_LOST),
        ("_ALL_BROKERS_DOWN", Meaning.OUTAGE),
        ("_TIMED_OUT", Meaning.OUTAGE),
        ("UNKNOWN_TOPIC_OR_PART", Meaning.NO_SUCH_TOPIC),
        ("_FENCED", Meaning.FENCED),
        ("PRODUCER_FENCED", Meaning.FENCED),
        ("INVALID_PRODUCER_EPOCH", Meaning.FENCED),
        ("MSG_SIZE_TOO_LARGE", Meaning.RECORD_REFUSED),
        ("INVALID_TIMESTAMP", Meaning.RECORD_REFUSED),
        ("_STATE", Meaning.TRANSACTION_LOST),
        ("TOPIC_AUTHORIZATION_FAILED", Meaning.FINAL),
    ],
)
def test_meaning_of_a_code(name: str, meaning: Meaning) -> None:
    assert meaning_of(KafkaError(getattr(KafkaError, name))) is meaning


def test_meaning_of_a_fatal_error_is_final_whatever_its_code() -> None:
    for code in (KafkaError._FATAL, KafkaError._TIMED_OUT, KafkaError.MSG_SIZE_TOO_LARGE):
        assert meaning_of(error(code, fatal=True)) is Meaning.FINAL


def test_meaning_of_a_fatal_error_behind_a_successor_is_fenced() -> None:
    assert meaning_of(error(KafkaError._FENCED, fatal=True)) is Meaning.FENCED


def test_meaning_of_what_must_be_aborted_is_a_lost_transaction_unless_a_record_is_to_blame() -> None:
    assert meaning_of(error(KafkaError._TIMED_OUT, abort=True)) is Meaning.TRANSACTION_LOST
    refused = error(KafkaError.MSG_SIZE_TOO_LARGE, abort=True)
    assert meaning_of(refused) is Meaning.RECORD_REFUSED


def test_meaning_of_an_unknown_code_that_the_client_calls_retriable_is_an_outage() -> None:
    assert meaning_of(error(KafkaError.NOT_COORDINATOR, retriable=True)) is Meaning.OUTAGE
    assert meaning_of(error(KafkaError.NOT_COORDINATOR)) is Meaning.FINAL
