"""Every committed schema parses, belongs to a topic, and says of each field what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import fastavro
import pytest

from schemas.avro_files import FOLDER, schema_text
from schemas.topics import SCHEMA_TOPICS


def undocumented(node: Any, path: str) -> Iterator[str]:
    """Paths of fields and records without a doc, at any depth."""
    if isinstance(node, list):
        for branch in node:
            yield from undocumented(branch, path)
    elif isinstance(node, dict):
        if node.get("type") == "record" and not node.get("doc"):
            yield path
        for field in node.get("fields", []):
            if not field.get("doc", "").strip():
                yield f"{path}.{field['name']}"
            yield from undocumented(field["type"], f"{path}.{field['name']}")
        for part in ("items", "values"):
            yield from undocumented(node.get(part), path)
        if isinstance(node.get("type"), dict | list):
            yield from undocumented(node["type"], path)


def test_schema_files_are_those_of_the_topics() -> None:
    assert {path.stem for path in FOLDER.glob("*.avsc")} == set(SCHEMA_TOPICS)


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_schema_parses_as_it_is_registered(topic: str) -> None:
    fastavro.parse_schema(json.loads(schema_text(topic)))


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_schema_documents_every_field(topic: str) -> None:
    assert list(undocumented(json.loads(schema_text(topic)), topic)) == []
