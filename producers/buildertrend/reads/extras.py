"""Fields that are not known, kept as JSON text within bounds; where somebody stood is never kept."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

MOST_FIELDS = 300
LONGEST_NAME = 200
LONGEST_VALUE = 16_384
MOST_TOGETHER = 131_072
_PLACES = frozenset({"location", "locationinfo", "outofbounds", "latitude", "longitude"})
_WORDS = tuple(_PLACES)
_TEXT = msgspec.json.Encoder(decimal_format="number", order="sorted")


def bounded_extras(others: Mapping[str, Any]) -> dict[str, str]:
    """JSON text by name. What is too long is a note of its size and hash; fields beyond all bounds are left out."""
    extras: dict[str, str] = {}
    left = MOST_TOGETHER
    for name, value in others.items():
        if _names_place(name):
            continue
        text = _text_of(value)
        if len(text) > LONGEST_VALUE:
            text = _note_of(text)
        left -= len(name) + len(text)
        if left < 0 or len(name) > LONGEST_NAME or len(extras) >= MOST_FIELDS:
            continue
        extras[name] = text
    return extras


def json_text(value: Any) -> str:
    """JSON text of an unknown field, numbers digit for digit, keys in order."""
    # What most unknown fields hold needs no encoder.
    if value is True:
        return "true"
    if value is False:
        return "false"
    return _TEXT.encode(value).decode()


def without_places(node: Any) -> Any:
    """The same without fields that say where somebody stood, at any depth."""
    if isinstance(node, dict):
        return {key: without_places(value) for key, value in node.items() if key.lower() not in _PLACES}
    return [without_places(item) for item in node] if isinstance(node, list) else node


def _names_place(name: str) -> bool:
    return name.rpartition(".")[2].lower() in _PLACES


def _text_of(value: Any) -> str:
    text = json_text(value)
    if isinstance(value, (dict, list)) and any(word in text.lower() for word in _WORDS):
        return json_text(without_places(value))
    return text


def _note_of(text: str) -> str:
    digest = blake2b(text.encode(), digest_size=16).hexdigest()
    return json_text({"cut": True, "characters": len(text), "blake2b": digest})
