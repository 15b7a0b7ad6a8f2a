"""Names the branch of a union for fastavro, which otherwise checks a whole record against every branch to find it.

Encoding a shift takes a third of the time with these hints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.avro_files import Schema

Hint = Callable[[Any], Any]


def union_hints(schema: Schema) -> Hint | None:
    """A function that returns a datum with the hints that its schema calls for; None if it calls for none."""
    return _hint(schema, {})


def _hint(node: Any, named: dict[str, Any]) -> Hint | None:
    if isinstance(node, str):
        return _hint(named[node], named) if node in named else None
    if isinstance(node, list):
        return _union(node, named)
    if node["type"] == "record":
        return _record(node, named)
    if node["type"] == "array":
        return _array(_hint(node["items"], named))
    if node["type"] == "map":
        return None
    return _hint(node["type"], named) if isinstance(node["type"], (dict, list)) else None


def _record(node: Schema, named: dict[str, Any]) -> Hint | None:
    named[node["name"]] = node
    hints = {field["name"]: hint for field in node["fields"] if (hint := _hint(field["type"], named)) is not None}
    if not hints:
        return None

    def hinted(datum: Mapping[str, Any]) -> dict[str, Any]:
        return {**datum, **{name: hint(datum[name]) for name, hint in hints.items() if name in datum}}

    return hinted


def _array(items: Hint | None) -> Hint | None:
    return None if items is None else lambda datum: [items(item) for item in datum]


def _union(branches: list[Any], named: dict[str, Any]) -> Hint | None:
    """Of a union of null and one record; any other union is left to fastavro."""
    records = [branch for branch in branches if _name(branch, named) is not None]
    if len(records) != 1 or len(branches) != 2 or "null" not in branches:
        return None
    name = _name(records[0], named)
    inner = _hint(records[0], named)

    def hinted(datum: Any) -> Any:
        return None if datum is None else (name, datum if inner is None else inner(datum))

    return hinted


def _name(branch: Any, named: dict[str, Any]) -> str | None:
    """The full name of a branch that is a record."""
    node = named.get(branch) if isinstance(branch, str) else branch
    return node["name"] if isinstance(node, dict) and node.get("type") == "record" else None
