"""The columnar codec does what the record-by-record codec does, for every record and for every kind of rubbish."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidRecordError
from schemas import batch_codec
from schemas.avro_files import plain_schema
from schemas.batch_codec import BatchDecoder, BatchEncoder
from schemas.codec import Decoder, encoder
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS
from tests.fakes import MemorySchemas
from tests.strategies import records_of

TIME_ENTRIES = "buildertrend.time-entries"
SOURCE = MemorySchemas({99: plain_schema("buildertrend.jobs")})
MANY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture(autouse=True)
def always_by_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_codec, "_WORTH_IT", 1)


@pytest.mark.parametrize("topic", [*RAW_TOPICS, *CANONICAL_TOPICS])
def test_batch_encoder_writes_the_bytes_of_the_encoder(topic: str) -> None:
    one, many = encoder(topic, SOURCE), BatchEncoder(topic, SOURCE)

    @given(st.lists(records_of(topic), min_size=1, max_size=10))
    @MANY
    def same(records: list[dict[str, Any]]) -> None:
        assert many(records) == [one(record) for record in records]

    same()


def test_batch_encoder_takes_columns_in_any_order_and_no_null_where_the_schema_has_none() -> None:
    record: dict[str, Any] = {field["name"]: None for field in plain_schema("protiv.jobs")["fields"]}
    record |= {"company_id": "acme", "job_id": "1", "version": 2, "observed_at": 3, "name": "Tighe Garage"}
    many = BatchEncoder("protiv.jobs", SOURCE)
    backwards = pa.RecordBatch.from_pydict({name: [record[name]] * 2 for name in reversed(record)})
    assert many.columns(backwards) == [encoder("protiv.jobs", SOURCE)(record)] * 2
    without_company = pa.RecordBatch.from_pydict({name: [record[name]] for name in record} | {"company_id": [None]})
    with pytest.raises(ValueError, match="company_id"):
        many.columns(without_company)


@pytest.mark.parametrize("topic", RAW_TOPICS)
def test_batch_decoder_reads_what_the_decoder_reads(topic: str) -> None:
    encode, one, many = encoder(topic, SOURCE), Decoder(topic, SOURCE), BatchDecoder(topic, SOURCE, without=["extras"])

    @given(st.lists(records_of(topic), min_size=1, max_size=10))
    @MANY
    def same(records: list[dict[str, Any]]) -> None:
        values = [encode(record) for record in records]
        assert [_without_extras(each) for each in many(values)] == [_without_extras(one(value)) for value in values]

    same()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value + b"\x00",
        lambda value: value[:-2],
        lambda _: b"",
        lambda _: b"rubbish",
        lambda value: value[:5] + b"\xff" * 40,
        lambda value: b"\x00\x00\x00\x03\xe7" + value[5:],
        lambda value: b"\x00\x00\x00\x00\x63" + value[5:],
        lambda value: value.replace(b"company", b"comp\xff\xfey"),
        lambda value: value.replace(b"crew", b"cr\xff\xfe"),
    ],
)
def test_batch_decoder_names_the_one_that_is_odd_and_reads_its_neighbours(spoil: Any) -> None:
    good = encoder(TIME_ENTRIES, SOURCE)(_change())
    before, bad, after = BatchDecoder(TIME_ENTRIES, SOURCE, without=["extras"])([good, spoil(good), good])
    assert isinstance(bad, InvalidRecordError)
    assert before == after
    assert _without_extras(before) == _without_extras(Decoder(TIME_ENTRIES, SOURCE)(good))


@given(st.binary(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_batch_decoder_takes_no_bytes_that_the_decoder_refuses(datum: bytes) -> None:
    value = b"\x00" + SOURCE.id_of(TIME_ENTRIES).to_bytes(4, "big") + datum
    (found,) = BatchDecoder(TIME_ENTRIES, SOURCE)([value])
    if isinstance(found, InvalidRecordError):
        with pytest.raises(InvalidRecordError, match=re.escape(found.reason)):
            Decoder(TIME_ENTRIES, SOURCE)(value)
    else:
        assert Decoder(TIME_ENTRIES, SOURCE)(value) == found | {"after": _with_map(found["after"])}


def test_batch_decoder_goes_by_column_and_leaves_extras_out() -> None:
    value = encoder(TIME_ENTRIES, SOURCE)(_change())
    (found,) = BatchDecoder(TIME_ENTRIES, SOURCE, without=["extras"])([value])
    assert isinstance(found, dict)
    assert "extras" not in found["after"]


def _change() -> dict[str, Any]:
    from schemas.entities import TIME_ENTRIES as ENTITY
    from tests.unit.streams.factories import change, shift

    return change(ENTITY, shift(extras={"weather": '"rain"', "crew": "7"})) | {"company_id": "company"}


def _with_map(after: dict[str, Any] | None) -> dict[str, Any] | None:
    """Columns give a map as a list of pairs."""
    return None if after is None else after | {"extras": dict(after["extras"])}


def _without_extras(record: Any) -> Any:
    after = record["after"]
    return record if after is None else record | {"after": {k: v for k, v in after.items() if k != "extras"}}
