"""The fields of an answer wherever they stand, outer ones before inner ones: shapes differ, or are not known."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

_MOST_NODES = 100_000


def fields_of_objects(answer: Any, *, deepest: int) -> Iterator[tuple[str, Any]]:
    """(name, value) in an object and in objects inside of it, down to a depth; what lists hold is somebody else's."""
    level = [answer]
    for _ in range(deepest + 1):
        objects = [node for node in level if isinstance(node, dict)]
        for node in objects:
            yield from node.items()
        level = [value for node in objects for value in node.values()]


def fields_of_all(answer: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) in all objects of an answer, those in lists, too; of more than so many nodes the first."""
    waiting = deque([answer])
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        node = waiting.popleft()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            yield from node.items()
            waiting.extend(node.values())
