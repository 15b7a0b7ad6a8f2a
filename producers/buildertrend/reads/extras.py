"""Unknown fields and refused rows as JSON text, bounded, and without where a worker stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

_LONGEST_ROW = 65_536
MOST_EXTRAS = 300
LONGEST_EXTRA_NAME = 200
LONGEST_EXTRA = 16_384
MOST_EXTRAS_TOGETHER = 131_072
# Names of fields that say where somebody stood end so, in small letters (T14).
_PLACES = ("location", "locationinfo", "outofbounds", "latitude", "longitude", "coordinates", "geofence")
_SHORT_PLACES = frozenset({"lat", "lng", "lon", "gps", "geo", "coords"})
_PLACE_WORDS = (*_PLACES, *(f'"{name}"' for name in _SHORT_PLACES))
_COORDINATES = ("latitude", "longitude")
_ENCODER = msgspec.json.Encoder(decimal_format="number", order="sorted")


def refused_text(raw: Any) -> bytes:
    """A row as JSON without where a worker stood; of one that is too long the beginning, size and hash."""
    text = json_text(without_places(raw)).encode()
    if len(text) <= _LONGEST_ROW:
        return text
    begins = text[: _LONGEST_ROW // 4].decode(errors="replace")
    cut = {"cut": True, "bytes": len(text), "blake2b": blake2b(text, digest_size=16).hexdigest(), "begins": begins}
    return json_text(cut).encode()


def bounded_extras(others: Mapping[str, Any]) -> dict[str, str]:
    """Unknown fields as JSON text by name: too long ones as their size and hash, those over the bounds left out."""
    extras: dict[str, str] = {}
    left = MOST_EXTRAS_TOGETHER
    for name, value in others.items():
        if len(name) > LONGEST_EXTRA_NAME or len(extras) >= MOST_EXTRAS or _names_place(name):
            continue
        if _is_map(value):
            continue
        text = _text_of(value)
        if len(text) > LONGEST_EXTRA:
            text = _note_of(text)
        left -= len(name) + len(text)
        if left >= 0:
            extras[name] = text
    return extras


def json_text(value: Any) -> str:
    """JSON text of an unknown field, numbers digit for digit, keys in order."""
    return _ENCODER.encode(value).decode()


def without_places(node: Any) -> Any:
    """The same without fields that say where a worker stood, at any depth."""
    if isinstance(node, dict):
        kept = ((key, value) for key, value in node.items() if not _names_place(key) and not _is_map(value))
        return {key: without_places(value) for key, value in kept}
    return [without_places(item) for item in node if not _is_map(item)] if isinstance(node, list) else node


def _is_map(value: Any) -> bool:
    """Text inside a text, as of a map, with a place in it: nobody knows which part of it is one."""
    return isinstance(value, str) and _names_any(value, _COORDINATES)


def _names_any(text: str, words: Sequence[str]) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in words)


# The same names come with every row.
@lru_cache(maxsize=4_096)
def _names_place(name: str) -> bool:
    plain = name.rpartition(".")[2].lower()
    return plain.endswith(_PLACES) or plain in _SHORT_PLACES


def _text_of(value: Any) -> str:
    # Most unknown fields are these, which need no encoder.
    if value is None:
        return "null"
    if value is False:
        return "false"
    if value is True:
        return "true"
    if type(value) is int:
        return str(value)
    text = json_text(value)
    if isinstance(value, (dict, list)) and _names_any(text, _PLACE_WORDS):
        return json_text(without_places(value))
    return text


def _note_of(text: str) -> str:
    digest = blake2b(text.encode(), digest_size=16).hexdigest()
    return json_text({"cut": True, "characters": len(text), "blake2b": digest})
