"""Which schemas a value may be written with: anybody can register one, and decoding follows a value's own schema.

With a recursive schema a value of any depth can be written, and a list of items that take no bytes may claim any
length, which would take hours to decode.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from core.errors import InvalidRecordError
from schemas.avro_files import Schema

# More than any version of ours will have: nesting of types, and values of one record (each list counted once).
_DEEPEST = 16
_HEAVIEST = 5_000


class _UnboundedError(Exception):
    """Decoding a value of the schema may take unbounded time."""


class _Cost(NamedTuple):
    """How many values one value of a type holds, lists counted once, and whether it may take no bytes at all."""

    weight: int
    is_free: bool


def checked_writer(schema: Schema, name: str) -> Schema:
    """The schema, if it is one of the record `name` that can be decoded in bounded time; else InvalidRecordError."""
    found = schema.get("name", schema["type"])
    if found != name:
        raise InvalidRecordError(
            f"The value's schema is {str(found)[:100]}, this topic takes {name}.", error_class="wrong-schema"
        )
    try:
        if schema["type"] != "record":
            raise _UnboundedError
        _cost(schema, {}, 0)
    except _UnboundedError as exc:
        raise InvalidRecordError(
            f"The value's schema {name} is not one that can be decoded within bounds.", error_class="wrong-schema"
        ) from exc
    return schema


def _cost(node: Any, named: dict[str, _Cost | None], depth: int) -> _Cost:
    """The cost of a type; `named` holds those of named types, None while one is being computed."""
    if depth > _DEEPEST:
        raise _UnboundedError
    if isinstance(node, str):
        known = named.get(node, _Cost(1, is_free=node == "null"))
        if known is None:
            raise _UnboundedError
        return known
    name = node.get("name") if isinstance(node, dict) else None
    if name is not None:
        named[name] = None
    cost = _whole(node, named, depth)
    if cost.weight > _HEAVIEST:
        raise _UnboundedError
    if name is not None:
        named[name] = cost
    return cost


def _whole(node: Any, named: dict[str, _Cost | None], depth: int) -> _Cost:
    if isinstance(node, list):
        # A union's own number takes a byte.
        return _Cost(1 + sum(_cost(branch, named, depth + 1).weight for branch in node), is_free=False)
    kind = node["type"]
    if kind in ("record", "error"):
        fields = [_cost(field["type"], named, depth + 1) for field in node["fields"]]
        return _Cost(1 + sum(cost.weight for cost in fields), is_free=all(cost.is_free for cost in fields))
    if kind in ("array", "map"):
        item = _cost(node["items" if kind == "array" else "values"], named, depth + 1)
        if kind == "array" and item.is_free:
            raise _UnboundedError
        return _Cost(1 + item.weight, is_free=False)
    if kind == "fixed":
        return _Cost(1, is_free=not node["size"])
    return _cost(kind, named, depth + 1)
