"""Records whose ids another registry gave are told from those that are right, and from those that are nobody's."""

from __future__ import annotations

import re

import pytest

from core.errors import ConfigurationError, InvalidRecordError
from core.topics import entity_key
from schemas.avro_files import Schema, plain_schema
from schemas.codec import HEADER, HEADER_BYTES, encoder
from schemas.entities import JOBS, USERS
from schemas.stored_ids import ForeignId, IdCheck, refuse
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS
from tests.unit.streams.factories import change, job

TOPICS = (*RAW_TOPICS, *CANONICAL_TOPICS)
KEY = entity_key("acme", "1")


class Shifted:
    """A registry whose ids begin at another number."""

    def __init__(self, first: int) -> None:
        self._first = first

    def id_of(self, topic: str) -> int:
        return self._first + TOPICS.index(topic)

    def schema_by_id(self, schema_id: int) -> Schema:
        if not 0 <= schema_id - self._first < len(TOPICS):
            raise InvalidRecordError(f"The registry knows no schema with id {schema_id}.", error_class="unknown-schema")
        return plain_schema(TOPICS[schema_id - self._first])


OLD = Shifted(1)
VALUE = encoder(JOBS.raw_topic, OLD)(change(JOBS, job(1)))


def test_id_of_the_same_registry_is_right() -> None:
    assert IdCheck(OLD).wrong(JOBS.raw_topic, KEY, VALUE) is None


@pytest.mark.parametrize(("first", "reason"), [(100, "knows no schema with id 1"), (0, "this topic takes")])
def test_id_that_the_registry_lacks_or_gave_to_another_schema_is_foreign(first: int, reason: str) -> None:
    found = IdCheck(Shifted(first)).wrong(JOBS.raw_topic, KEY, VALUE)
    assert found is not None
    assert re.search(reason, found)


@pytest.mark.parametrize(
    ("topic", "key", "value"),
    [
        (JOBS.raw_topic, KEY, None),
        (JOBS.raw_topic, KEY, b""),
        (JOBS.raw_topic, KEY, b"rubbish"),
        (JOBS.raw_topic, KEY, HEADER.pack(0, 999_999)),
        (JOBS.raw_topic, KEY, HEADER.pack(0, 999_999) + b"\xff" * 40),
        (JOBS.raw_topic, KEY, VALUE + b"x"),
        (JOBS.raw_topic, entity_key("acme", "2"), VALUE),
        (JOBS.raw_topic, entity_key("other", "1"), VALUE),
        (JOBS.raw_topic, None, VALUE),
        (JOBS.raw_topic, b"\xff\xfe/1", VALUE),
        (USERS.raw_topic, KEY, VALUE),
    ],
)
def test_record_that_is_not_plainly_ours_says_nothing_of_the_registry(topic: str, key: bytes, value: bytes) -> None:
    assert IdCheck(Shifted(100)).wrong(topic, key, value) is None


def test_restored_id_is_right_in_the_new_registry() -> None:
    new = Shifted(100)
    restored = HEADER.pack(0, new.id_of(JOBS.raw_topic)) + VALUE[HEADER_BYTES:]
    assert IdCheck(new).wrong(JOBS.raw_topic, KEY, restored) is None


def test_refusal_names_topics_ids_and_the_way_out() -> None:
    refuse([])
    with pytest.raises(ConfigurationError) as refused:
        refuse([ForeignId("protiv.jobs", 2, 17, 7, "The registry knows no schema with id 7.")] * 2)
    assert "(protiv.jobs: 7; first protiv.jobs partition 2 offset 17: The registry knows no schema" in str(
        refused.value
    )
    assert "topics restore-ids" in str(refused.value)
