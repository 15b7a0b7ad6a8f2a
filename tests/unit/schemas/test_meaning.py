"""Schemas keep their meaning: every change that a registry lets pass and readers would not survive is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.avro_files import FOLDER, RELEASED
from schemas.meaning import KEYS, key_problems, keys_now, problems_of, released_problems
from schemas.topics import SCHEMA_TOPICS

RELEASE = RELEASED / "0.1.0"
SCHEMAS: dict[str, dict[str, Any]] = {
    topic: json.loads((RELEASE / f"{topic}.avsc").read_text()) for topic in SCHEMA_TOPICS
}
SHIFTS = SCHEMAS["protiv.time-entries"]
RAW = SCHEMAS["buildertrend.time-entries"]


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in schema["fields"] if one["name"] == name]
    assert isinstance(found, dict)
    return found


def changed(schema: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> list[str]:
    after = copy.deepcopy(schema)
    change(after)
    return problems_of(schema, after)


def rename(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    return lambda schema: field(schema, old).update(name=new)


def remove(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda schema: schema["fields"].remove(field(schema, name))


def test_released_schemas_have_kept_their_meaning() -> None:
    assert released_problems() == []


@pytest.mark.parametrize(
    ("schema", "change", "said"),
    [
        (SHIFTS, remove("version"), "version: a field is never removed or renamed."),
        (RAW, remove("version"), "version: a field is never removed or renamed."),
        (SHIFTS, rename("user_name", "worker"), "user_name: a field is never removed or renamed."),
        (SHIFTS, rename("labor_cost_micros", "labor_cost_millis"), "labor_cost_micros: its unit changed"),
        (SHIFTS, rename("total_minutes", "total_seconds"), "total_minutes: its unit changed"),
        (SHIFTS, lambda s: field(s, "observed_at").update(type="string"), "observed_at: its type never changes."),
        (
            SHIFTS,
            lambda s: field(s, "observed_at")["type"].update(logicalType="timestamp-millis"),
            "observed_at: its logical type",
        ),
        (RAW, lambda s: field(s, "op")["type"]["symbols"].remove("DELETE"), "op: the symbol DELETE is never removed."),
        (RAW, lambda s: field(s, "op")["type"].pop("default"), "Op: an enum needs a default"),
        (RAW, lambda s: field(s, "op")["type"].update(default="DELETE"), "op: the default symbol never changes."),
        (SHIFTS, lambda s: s["fields"].append({"name": "new", "type": "int"}), "new: a new field needs a default"),
        (SHIFTS, lambda s: field(s, "user_name").update(default="x"), "user_name: its default never changes."),
        (SHIFTS, lambda s: field(s, "user_name").update(aliases=["x"]), "user_name: its aliases never change."),
        (SHIFTS, lambda s: s.update(name="Shift"), "the record's name never changes."),
    ],
)
def test_change_of_meaning_names_the_field_and_the_rule(
    schema: dict[str, Any], change: Callable[[dict[str, Any]], object], said: str
) -> None:
    assert any(said in problem for problem in changed(schema, change))


def test_what_may_change_is_not_complained_about() -> None:
    def grow(schema: dict[str, Any]) -> None:
        schema["fields"].append({"name": "new", "type": ["null", "string"], "default": None, "doc": "New."})
        field(schema, "op")["type"]["symbols"].append("MERGE")
        field(schema, "version")["doc"] = "Said better."

    assert changed(RAW, grow) == []


@pytest.mark.parametrize(
    ("name", "value"), [("key", "acme-7:42"), ("partition", 0), ("topics", []), ("entities", {"jobs": {}})]
)
def test_change_of_keys_partitions_or_topics_is_named(name: str, value: object) -> None:
    now = keys_now()
    assert key_problems(now, now | {name: value}) != []


def test_every_topic_has_its_released_schema() -> None:
    assert {path.stem for path in RELEASE.glob("*.avsc")} <= {path.stem for path in FOLDER.glob("*.avsc")}
    assert (RELEASE / KEYS).exists()


def test_topic_without_its_schema_is_named(tmp_path: Path) -> None:
    assert "protiv.jobs: the topic has no schema any more" in "\n".join(released_problems(committed=tmp_path))
