"""hypothesis strategies for records of the committed schemas: every value that a schema allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from schemas.avro_files import Schema, plain_schema

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "string": _TEXT,
}


def records_of(topic: str) -> st.SearchStrategy[dict[str, Any]]:
    """Records that the value schema of `topic` allows."""
    return _values(plain_schema(topic), {})


def _values(schema: Any, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    if isinstance(schema, list):
        return st.one_of([_values(branch, known) for branch in schema])
    if isinstance(schema, str):
        return _PRIMITIVES[schema] if schema in _PRIMITIVES else _values(known[schema], known)
    if "name" in schema:
        known[schema["name"]] = schema
    complex_kinds: dict[str, Callable[[Schema, dict[str, Any]], st.SearchStrategy[Any]]] = {
        "record": _records,
        "enum": lambda node, _: st.sampled_from(node["symbols"]),
        "array": lambda node, names: st.lists(_values(node["items"], names), max_size=3),
        "map": lambda node, names: st.dictionaries(_TEXT, _values(node["values"], names), max_size=3),
    }
    build = complex_kinds.get(schema["type"])
    return _values(schema["type"], known) if build is None else build(schema, known)


def _records(schema: Schema, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({field["name"]: _values(field["type"], known) for field in schema["fields"]})
