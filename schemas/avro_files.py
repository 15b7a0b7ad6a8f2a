"""The committed `.avsc` files, as text for the registry and parsed for fastavro."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

Schema = dict[str, Any]

FOLDER = Path(__file__).parent / "avro"
# A folder for each release, with what was committed then.
RELEASED = Path(__file__).parent / "released"


@cache
def schema_text(topic: str) -> str:
    """The value schema of `topic`, as it is registered under `<topic>-value`."""
    return (FOLDER / f"{topic}.avsc").read_text()


@cache
def own_texts(topic: str) -> frozenset[str]:
    """Every value schema of `topic` that is or was this service's: the committed one and those of each release."""
    released = (path.read_text() for path in RELEASED.glob(f"*/{topic}.avsc"))
    return frozenset({schema_text(topic), *released})


@cache
def plain_schema(topic: str) -> Schema:
    """The value schema of `topic` for fastavro, without logical types."""
    return parse_plain(schema_text(topic))


def parse_plain(text: str) -> Schema:
    """A parsed schema without its logical types: instants stay microseconds, dates stay days since 1970-01-01.

    Datetimes are built only where they are needed: decoding to them takes twice as long.
    """
    parsed = fastavro.parse_schema(_without_logical_types(json.loads(text)))
    # A bare type name is a schema, too: {"type": name} says the same.
    return parsed if isinstance(parsed, dict) else {"type": parsed}


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    return node
