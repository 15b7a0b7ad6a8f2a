"""The codec: what is written is read back, and no bytes whatever are taken for a record or crash the reader."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidRecordError, RetriableError
from schemas.avro_files import Schema, parse_plain, plain_schema
from schemas.codec import Decoder, encoder, from_days, from_micros, schema_id_of, to_days, to_micros
from schemas.topics import SCHEMA_TOPICS
from tests import factories
from tests.fakes import MemorySchemas
from tests.strategies import records_of

JOBS = "buildertrend.jobs"
COMMANDS = "integration.sync-commands"
SOURCE = MemorySchemas()


def a_command() -> bytes:
    return encoder(COMMANDS, SOURCE)(factories.command_body())


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_decoder_reads_what_the_encoder_wrote(topic: str) -> None:
    encode, decode = encoder(topic, SOURCE), Decoder(topic, SOURCE)

    @given(records_of(topic))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def round_trip(record: dict[str, Any]) -> None:
        assert decode(encode(record)) == record

    round_trip()


def test_encoder_writes_magic_byte_and_schema_id_in_front() -> None:
    value = a_command()
    assert value[0] == 0
    assert int.from_bytes(value[1:5], "big") == SOURCE.id_of(COMMANDS) == schema_id_of(value)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_decoder_random_bytes_are_invalid_or_a_record(value: bytes) -> None:
    _decoded_or_refused(JOBS, value)


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_decoder_random_datum_behind_a_good_header_is_invalid_or_a_record(topic: str) -> None:
    header = b"\x00" + SOURCE.id_of(topic).to_bytes(4, "big")

    @given(st.binary(max_size=200))
    @settings(max_examples=150, deadline=None)
    def attack(datum: bytes) -> None:
        _decoded_or_refused(topic, header + datum)

    attack()


def _decoded_or_refused(topic: str, value: bytes) -> None:
    """Nothing but an InvalidRecordError may come out of it beside a whole record."""
    try:
        record = Decoder(topic, SOURCE)(value)
    except InvalidRecordError:
        return
    assert set(record) == {field["name"] for field in plain_schema(topic)["fields"]}


@pytest.mark.parametrize("cut", [0, 1, 4, 5, 6, -1])
def test_decoder_truncated_value_is_refused(cut: int) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        Decoder(COMMANDS, SOURCE)(a_command()[:cut])
    assert caught.value.error_class == "undecodable"


def test_decoder_trailing_bytes_are_refused() -> None:
    with pytest.raises(InvalidRecordError, match="bytes behind"):
        Decoder(COMMANDS, SOURCE)(a_command() + b"\x00")


def test_decoder_other_magic_byte_is_refused() -> None:
    with pytest.raises(InvalidRecordError, match="Confluent"):
        Decoder(COMMANDS, SOURCE)(b"\x01" + a_command()[1:])


def test_decoder_unknown_schema_id_is_refused() -> None:
    with pytest.raises(InvalidRecordError) as caught:
        Decoder(COMMANDS, SOURCE)(b"\x00\x00\x00\xff\xff" + a_command()[5:])
    assert caught.value.error_class == "unknown-schema"


def test_decoder_record_of_another_topic_is_refused() -> None:
    with pytest.raises(InvalidRecordError) as caught:
        Decoder(JOBS, SOURCE)(a_command())
    assert caught.value.error_class == "wrong-schema"


@pytest.mark.parametrize(
    "schema", [parse_plain('{"type": "map", "values": "string"}'), parse_plain('{"type": "string"}')]
)
def test_decoder_schema_that_is_no_record_is_refused(schema: Schema) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        Decoder(JOBS, MemorySchemas({77: schema}))(b"\x00\x00\x00\x00\x4d\x02a")
    assert caught.value.error_class == "wrong-schema"


def test_decoder_newer_writer_is_read_in_the_committed_schema() -> None:
    newer = copy.deepcopy(plain_schema(COMMANDS))
    newer["fields"].append({"name": "priority", "type": "int", "default": 0})
    sender = MemorySchemas()
    decode = Decoder(COMMANDS, MemorySchemas({501: newer}))
    body = factories.command_body()
    # The new field is last, so its bytes are the old record's and its own.
    value = b"\x00" + (501).to_bytes(4, "big") + encoder(COMMANDS, sender)(body)[5:] + b"\x04"
    assert decode(value) == body


def test_decoder_asks_for_a_writer_schema_once() -> None:
    source = MemorySchemas()
    decode = Decoder(COMMANDS, source)
    for _ in range(3):
        decode(a_command())
    assert source.asked == [source.id_of(COMMANDS)]


def test_decoder_registry_away_is_an_outage_and_asked_again_later() -> None:
    class AwayOnce(MemorySchemas):
        def schema_by_id(self, schema_id: int) -> Schema:
            if not self.asked:
                self.asked.append(schema_id)
                raise RetriableError("away")
            return super().schema_by_id(schema_id)

    decode = Decoder(COMMANDS, AwayOnce())
    value = a_command()
    with pytest.raises(RetriableError):
        decode(value)
    assert decode(value)["type"] == "sync"


@given(st.datetimes(timezones=st.just(UTC)))
def test_micros_there_and_back_are_exact(instant: datetime) -> None:
    assert from_micros(to_micros(instant)) == instant


def test_micros_count_the_offset_and_every_microsecond() -> None:
    denver = timezone(timedelta(hours=-6))
    assert to_micros(datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=denver)) == 6 * 3600 * 1_000_000 + 1
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


@given(st.dates())
def test_days_there_and_back_are_exact(day: date) -> None:
    assert from_days(to_days(day)) == day


def test_decoder_keeps_no_more_writer_schemas_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    class OneForEveryId(MemorySchemas):
        def schema_by_id(self, schema_id: int) -> Schema:
            assert schema_id
            return plain_schema(COMMANDS)

    monkeypatch.setattr("schemas.codec._MOST_WRITERS", 2)
    decode, datum = Decoder(COMMANDS, OneForEveryId()), a_command()[5:]
    records = [decode(b"\0" + schema_id.to_bytes(4, "big") + datum) for schema_id in range(1, 6)]
    assert records == [records[0]] * 5
    assert len(decode._writers) <= 2
