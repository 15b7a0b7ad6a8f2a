"""The declared entities and topics; the committed schemas: each is a topic's, and has what the contract says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.avro_files import FOLDER, parse_plain, plain_schema, schema_text
from schemas.entities import BUDGETS, ENTITIES, ENTITY_BY_NAME, JOBS, READ_ORDER, Entity
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS, SCHEMA_TOPICS, TOPICS

_DAY_MS = 24 * 60 * 60 * 1000


def field_types(topic: str) -> dict[str, Any]:
    return {field["name"]: field["type"] for field in json.loads(schema_text(topic))["fields"]}


def test_declared_names_are_those_of_the_contract() -> None:
    names = ["budgets", "cost-codes", "jobs", "time-entries", "users"]
    assert sorted(ENTITY_BY_NAME) == names
    assert sorted(RAW_TOPICS) == [f"buildertrend.{name}" for name in names]
    assert sorted(CANONICAL_TOPICS) == [f"protiv.{name}" for name in names]


def test_entities_come_after_their_parents_and_are_read_jobs_first() -> None:
    for place, entity in enumerate(ENTITIES):
        assert set(entity.parents) <= set(ENTITIES[:place])
    assert [entity.name for entity in READ_ORDER] == ["jobs", "time-entries", "users", "budgets", "cost-codes"]


def test_entities_are_called_and_keyed_as_they_were_released() -> None:
    told = {entity.name: (entity.table, entity.counted(1), entity.counted(1_200)) for entity in ENTITIES}
    assert told == {
        "jobs": ("jobs", "1 job", "1,200 jobs"),
        "users": ("users", "1 user", "1,200 users"),
        "cost-codes": ("cost_codes", "1 cost code", "1,200 cost codes"),
        "budgets": ("budgets", "1 budget line", "1,200 budget lines"),
        "time-entries": ("time_entries", "1 time entry", "1,200 time entries"),
    }
    assert BUDGETS.stated_id({"jobId": 7, "id": 12}) == "7:12"
    assert JOBS.stated_id({"jobId": 7, "id": 12}) == "7"


@pytest.mark.parametrize("entity", ENTITIES)
def test_fields_that_a_declaration_names_are_those_of_the_schemas(entity: Entity) -> None:
    canonical = field_types(entity.canonical_topic)
    named = [entity.id_field, entity.label, entity.worked_minutes, entity.local_day]
    assert {name for name in named if name} | {parent.id_field for parent in entity.parents} <= set(canonical)
    after = field_types(entity.raw_topic)["after"][1]["fields"]
    assert set(entity.raw_id) <= {field["name"] for field in after}


def test_topics_have_the_cleanup_and_retention_of_the_contract() -> None:
    config = {spec.name: spec.config() for spec in TOPICS}
    assert len(config) == 13
    for topic in (*RAW_TOPICS, *CANONICAL_TOPICS):
        assert config[topic] == {"cleanup.policy": "compact", "delete.retention.ms": str(30 * _DAY_MS)}
    expected_days = {"integration.sync-commands": 14, "integration.sync-events": 30, "integration.dead-letters": 30}
    for topic, days in expected_days.items():
        assert config[topic]["cleanup.policy"] == "delete"
        assert config[topic]["retention.ms"] == str(days * _DAY_MS)


def test_every_schema_file_is_a_topics_and_every_topic_but_dead_letters_has_one() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(SCHEMA_TOPICS)
    assert len(SCHEMA_TOPICS) == 12
    assert "integration.dead-letters" not in SCHEMA_TOPICS


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_schema_parses_and_every_record_and_field_says_what_it_is(topic: str) -> None:
    assert plain_schema(topic)["type"] == "record"
    schema = json.loads(schema_text(topic))
    assert schema["namespace"] == topic.partition(".")[0]
    assert schema["doc"]
    assert all(field["doc"] for field in schema["fields"])


@pytest.mark.parametrize("topic", RAW_TOPICS)
def test_raw_schema_is_a_change_record_whose_after_keeps_extras(topic: str) -> None:
    types = field_types(topic)
    assert list(types) == ["op", "company_id", "entity_id", "version", "observed_at", "run_id", "time_zone", "after"]
    assert types["op"]["symbols"] == ["CREATE", "UPDATE", "DELETE", "SNAPSHOT"]
    nothing, after = types["after"]
    assert nothing == "null"
    extras = next(field for field in after["fields"] if field["name"] == "extras")
    assert extras["type"] == {"type": "map", "values": "string"}


@pytest.mark.parametrize("entity", ENTITIES)
def test_canonical_schema_begins_with_its_key_and_keeps_every_other_column_nullable(entity: Entity) -> None:
    types = field_types(entity.canonical_topic)
    assert list(types)[:5] == ["company_id", entity.id_field, "version", "observed_at", "deleted_at"]
    for name in list(types)[4:]:
        nullable = isinstance(types[name], list) and types[name][0] == "null"
        assert nullable or name in {"tags", "split_cost_code_ids", "split_minutes"}, name


@pytest.mark.parametrize("topic", CANONICAL_TOPICS)
def test_canonical_schema_has_no_float_and_money_in_micros_only(topic: str) -> None:
    text = schema_text(topic)
    assert '"double"' not in text
    assert '"float"' not in text
    assert '"decimal"' not in text
    for name in field_types(topic):
        assert not name.endswith(("_amount", "_cost")), name


def test_parse_plain_leaves_no_logical_type() -> None:
    assert "logicalType" not in json.dumps(plain_schema("protiv.time-entries"))
    assert "logicalType" in schema_text("protiv.time-entries")
    plain = parse_plain('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}')
    assert plain["name"] == "R"
