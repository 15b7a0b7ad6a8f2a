"""Keys and partitions: the same numbers as Kafka's Java clients, and no key taken for another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRecordError
from core.topics import entity_key, murmur2, partition_for, split_key

# From Kafka's own UtilsTest.testMurmur2, as signed 32-bit numbers.
KAFKA_VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("data", "signed"), KAFKA_VECTORS.items())
def test_murmur2_known_input_equals_kafkas(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


@pytest.mark.parametrize(
    ("company_id", "partition"), [("21", (-973932308 & 0x7FFFFFFF) % 12), ("foobar", (-790332482 & 0x7FFFFFFF) % 12)]
)
def test_partition_for_company_is_kafkas_positive_hash(company_id: str, partition: int) -> None:
    assert partition_for(company_id, 12) == partition


@given(st.text(), st.integers(1, 1000))
def test_partition_for_any_company_is_within_the_count(company_id: str, partitions: int) -> None:
    assert 0 <= partition_for(company_id, partitions) < partitions


@given(
    st.text(min_size=1).filter(lambda text: "/" not in text and text.isprintable()),
    st.text(min_size=1).filter(str.isprintable),
)
def test_split_key_of_entity_key_gives_both_ids_back(company_id: str, entity_id: str) -> None:
    assert split_key(entity_key(company_id, entity_id)) == (company_id, entity_id)


@pytest.mark.parametrize("key", [None, b"", b"/", b"c1", b"c1/", b"/9001", b"\xff/1"])
def test_split_key_malformed_key_is_refused(key: bytes | None) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        split_key(key)
    assert caught.value.error_class == "bad-key"


def test_split_key_keeps_slashes_and_colons_of_the_entity() -> None:
    assert split_key(b"c1/12:34/5") == ("c1", "12:34/5")
