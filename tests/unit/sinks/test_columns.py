"""The columns of the tables follow the committed record schemas."""

from __future__ import annotations

import json

import pytest

from schemas.avro_files import schema_text
from schemas.entities import BUDGETS, ENTITIES, TIME_ENTRIES, Entity
from sinks.columns import Form, canonical_table


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_columns_of_every_entity_start_with_the_key_and_cover_the_record(entity: Entity) -> None:
    table = canonical_table(entity)
    assert [column.name for column in table.columns[:2]] == ["company_id", entity.id_field]
    assert [column.field for column in table.columns] == [
        field["name"] for field in json.loads(schema_text(entity.canonical_topic))["fields"]
    ]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_body_fields_have_the_defaults_that_the_columnar_reader_fills_in(entity: Entity) -> None:
    defaults = {
        field["name"]: field.get("default") for field in json.loads(schema_text(entity.canonical_topic))["fields"]
    }
    for column in canonical_table(entity).body:
        assert defaults[column.field] == ([] if column.form.is_list else None)


def test_money_fields_lose_their_unit_and_minutes_stay_whole() -> None:
    forms = {column.name: column.form for column in canonical_table(BUDGETS).columns}
    assert forms["original_amount"] is Form.MILLIONTHS
    assert forms["budgeted_minutes"] is Form.WHOLE


def test_body_leaves_out_what_says_which_record_it_is() -> None:
    body = {column.name for column in canonical_table(TIME_ENTRIES).body}
    assert body.isdisjoint({"company_id", "time_entry_id", "version", "observed_at", "deleted_at"})
    assert {"tags", "work_date", "labor_cost"} <= body
