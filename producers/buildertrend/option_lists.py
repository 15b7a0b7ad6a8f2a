"""Finds users among the option lists of a filter, wherever in the answer they stand: shapes differ (G13)."""

from __future__ import annotations

from collections import deque
from typing import Any

_MOST_NODES = 100_000
_MOST_USERS = 20_000


def users_of(answer: Any) -> list[Any]:
    """The first list of objects with id and name that is called users; outer ones before inner ones."""
    waiting = deque([answer])
    for _ in range(_MOST_NODES):
        if not waiting:
            break
        node = waiting.popleft()
        if isinstance(node, list):
            waiting.extend(node)
        if not isinstance(node, dict):
            continue
        for key, value in node.items():
            if key.lower() == "users" and _names_users(value):
                return list(value[:_MOST_USERS])
        waiting.extend(node.values())
    return []


def _names_users(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and "id" in one and isinstance(one.get("name"), str) for one in value)
    )
