"""Whether the committed schemas still mean what they meant in every release; `make check` runs this module.

A registry compares types alone. It lets a field be renamed or dropped where it has a default, and takes millis in place
of micros: readers would read on, and be wrong. `schemas/released/` holds what was released, and `keep` adds to it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.topics import entity_key, partition_for
from schemas.avro_files import FOLDER, RELEASED
from schemas.entities import ENTITIES
from schemas.topics import SCHEMA_TOPICS

KEYS = "keys.json"
_UNITS = ("micros", "millis", "seconds", "minutes", "hours", "days", "cents")
_COMPANY, _RECORD, _PARTITIONS = "acme-7", "42", 12

Schema = Mapping[str, Any]


def released_problems(committed: Path = FOLDER) -> list[str]:
    """Every change of meaning since any release, each naming topic, field and rule."""
    return [problem for folder in sorted(RELEASED.iterdir()) for problem in _since(folder, committed)]


def _since(release: Path, committed: Path) -> Iterator[str]:
    for path in sorted(release.glob("*.avsc")):
        now = committed / path.name
        if now.exists():
            found = problems_of(json.loads(path.read_text()), json.loads(now.read_text()))
            yield from (f"{path.stem}: {problem}" for problem in found)
        else:
            yield f"{path.stem}: the topic has no schema any more; a topic is never removed."
    yield from key_problems(json.loads((release / KEYS).read_text()), keys_now())


def keep(release: str) -> None:
    """Keep a copy of what is committed as this release: from now on it must keep its meaning."""
    folder = RELEASED / release
    folder.mkdir()
    for topic in SCHEMA_TOPICS:
        shutil.copy(FOLDER / f"{topic}.avsc", folder)
    (folder / KEYS).write_text(json.dumps(keys_now(), indent=2) + "\n")


def problems_of(before: Schema, after: Schema) -> list[str]:
    """What changed its meaning between two versions of a record's schema."""
    return [*_record(before, after, ""), *_enums_without_default(after)]


def keys_now() -> dict[str, Any]:
    """How records are keyed and laid on partitions, by example."""
    number = partition_for(_COMPANY, _PARTITIONS)
    key = entity_key(_COMPANY, _RECORD).decode()
    entities = {
        one.name: {"raw": one.raw_topic, "canonical": one.canonical_topic, "id": one.id_field} for one in ENTITIES
    }
    return {"key": key, "partition": number, "topics": sorted(SCHEMA_TOPICS), "entities": entities}


def key_problems(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What changed of keys, partitions and names; entities and topics may be added."""
    problems = [
        f"{name}: it was {before[name]}; it never changes."
        for name in ("key", "partition")
        if before[name] != after[name]
    ]
    gone = sorted(set(before["topics"]) - set(after["topics"]))
    problems += [f"topic {topic}: a topic is never removed or renamed." for topic in gone]
    for name, entity in before["entities"].items():
        if after["entities"].get(name) != entity:
            problems.append(f"entity {name}: its topics and its id's field never change.")
    return problems


def _record(before: Schema, after: Schema, path: str) -> Iterator[str]:
    for what in ("name", "namespace"):
        if before.get(what) != after.get(what):
            yield f"{path or before['name']}: the record's {what} never changes."
    new = {field["name"]: field for field in after["fields"]}
    for field in before["fields"]:
        place = f"{path}{field['name']}"
        if field["name"] in new:
            yield from _field(field, new[field["name"]], place)
        else:
            yield _gone(field["name"], new, place)
    known = {field["name"] for field in before["fields"]}
    for name, field in new.items():
        if name not in known and "default" not in field:
            yield f"{path}{name}: a new field needs a default, for readers of what was written before."


def _gone(name: str, new: Mapping[str, Any], place: str) -> str:
    stem = _without_unit(name)
    other = next((one for one in new if one != name and stem is not None and _without_unit(one) == stem), None)
    if other is not None:
        return f"{place}: its unit changed ({other}); a unit never changes, add a field beside it."
    return f"{place}: a field is never removed or renamed."


def _without_unit(name: str) -> str | None:
    stem, _, unit = name.rpartition("_")
    return stem if unit in _UNITS else None


def _field(before: Schema, after: Schema, place: str) -> Iterator[str]:
    if ("default" in before, before.get("default")) != ("default" in after, after.get("default")):
        yield f"{place}: its default never changes."
    if after.get("aliases") != before.get("aliases"):
        yield f"{place}: its aliases never change."
    yield from _type(before["type"], after["type"], place)


def _type(before: Any, after: Any, place: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict) and before["type"] == after["type"]:
        yield from _complex(before, after, place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for old, new in zip(before, after, strict=True):
            yield from _type(old, new, place)
    elif before != after:
        yield f"{place}: its type never changes."


def _complex(before: Schema, after: Schema, place: str) -> Iterator[str]:
    if before.get("logicalType") != after.get("logicalType"):
        yield f"{place}: its logical type, which is its unit, never changes."
    match before["type"]:
        case "record":
            yield from _record(before, after, f"{place}.")
        case "enum":
            lost = [symbol for symbol in before["symbols"] if symbol not in after["symbols"]]
            yield from (f"{place}: the symbol {symbol} is never removed." for symbol in lost)
            if before.get("default") != after.get("default"):
                yield f"{place}: the default symbol never changes."
        case "array":
            yield from _type(before["items"], after["items"], place)
        case "map":
            yield from _type(before["values"], after["values"], place)
        case _:
            if {**before, "doc": None} != {**after, "doc": None}:
                yield f"{place}: its type never changes."


def _enums_without_default(node: Any) -> Iterator[str]:
    """An older reader that meets a new symbol cannot read on without a default."""
    if isinstance(node, list):
        for one in node:
            yield from _enums_without_default(one)
    elif isinstance(node, dict):
        if node.get("type") == "enum" and node.get("default") not in node["symbols"]:
            yield f"{node['name']}: an enum needs a default, for readers that do not know its newest symbols."
        for name in ("fields", "type", "items", "values"):
            yield from _enums_without_default(node.get(name))


def main() -> int:
    """Print what is wrong, and 1 if anything is; `keep VERSION` keeps what is committed as that release."""
    if sys.argv[1:2] == ["keep"]:
        keep(sys.argv[2])
    problems = released_problems()
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
