"""Postgres array literals of many values at once: psycopg's own are built with a few calls for each element."""

from __future__ import annotations

from collections.abc import Iterable


def text_array(values: Iterable[str | None]) -> str:
    """For a parameter that the statement casts: `%(ids)s::text[]`; None is NULL."""
    return "{" + ",".join(map(_element, values)) + "}"


def bytes_array(values: Iterable[bytes | None]) -> str:
    """For a parameter cast to `bytea[]`."""
    return "{" + ",".join("NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values) + "}"


def plain_array(values: Iterable[object | None]) -> str:
    """Of numbers or dates, whose text needs no quotes."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def _element(value: str | None) -> str:
    if value is None:
        return "NULL"
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
