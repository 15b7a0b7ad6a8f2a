"""`topics tail` shows every record there can be: what does not decode as bytes, and no time as a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from confluent_kafka import Message
from confluent_kafka.schema_registry.error import SchemaRegistryError

from cli.topics import _Decoded, _plain
from core.errors import RetriableError


@dataclass
class Stored:
    """A record as a consumer hands it over."""

    body: bytes | None
    sent_ms: int = 1_780_000_000_000

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return (1, self.sent_ms)

    def key(self) -> bytes:
        return b"acme/1"

    def headers(self) -> None:
        return None

    def value(self) -> bytes | None:
        return self.body


def shown(message: Stored, decode: Callable[..., Any]) -> dict[str, Any]:
    decoded = object.__new__(_Decoded)
    decoded._deserialize = cast("Any", decode)
    decoded._context = cast("Any", None)
    line = json.dumps(decoded(cast("Message", message)), default=_plain)
    return cast("dict[str, Any]", json.loads(line))


def raising(error: Exception) -> Callable[..., Any]:
    def decode(*_: object) -> Any:
        raise error

    return decode


@pytest.mark.parametrize(
    "error",
    [
        SchemaRegistryError(404, 40403, "Schema not found"),
        EOFError(),
        IndexError("list index out of range"),
        OverflowError("date value out of range"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        RecursionError(),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_tail_of_a_record_that_does_not_decode_shows_its_bytes(error: Exception) -> None:
    assert shown(Stored(b"\0\0\0\x27\x0fAB"), raising(error))["value"] == {"undecodable": "\x00\x00\x00'\x0fAB"}


@pytest.mark.parametrize("error", [SchemaRegistryError(503, 50001, "away"), httpx.ConnectError("refused")])
def test_tail_while_the_registry_is_away_is_an_outage(error: Exception) -> None:
    with pytest.raises(RetriableError, match="SCHEMA_REGISTRY_URL"):
        shown(Stored(b"\0\0\0\0\1"), raising(error))


@pytest.mark.parametrize(
    ("sent_ms", "time"), [(2**62, 2**62), (0, datetime.fromtimestamp(0, UTC).isoformat()), (-(2**62), -(2**62))]
)
def test_tail_of_a_record_with_an_odd_time_shows_it(sent_ms: int, time: object) -> None:
    assert shown(Stored(None, sent_ms), raising(AssertionError()))["time"] == time
