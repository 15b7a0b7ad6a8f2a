"""What can be read of a command that is put aside: enough to answer whoever sent it, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from schemas.codec import HEADER_BYTES
from schemas.command_rules import company_problem, is_uuid

# The first field of a command is its id: the length 36 as Avro writes it, then the UUID.
_ID_IN_AVRO = re.compile(rb"\x48([0-9a-fA-F-]{36})")
_ID_IN_JSON = re.compile(rb'"command_id"\s*:\s*"([0-9a-fA-F-]{36})"')
_LOOKED_AT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Sender:
    """Who waits for an answer: the command's id and its company, as far as they can be read."""

    command_id: str | None
    company_id: str | None


def sender_of(key: bytes | str | None, value: bytes | None) -> Sender:
    """From bytes that are no command; the company is what the key says."""
    return Sender(_command_id(value or b""), _company(key))


def sender_in(command: Mapping[str, Any]) -> Sender:
    """From a command that was decoded, and cannot be taken all the same."""
    command_id = command["command_id"]
    return Sender(command_id if is_uuid(command_id) else None, _usable(command["company_id"]))


def answer_id(topic: str, partition: int, offset: int) -> str:
    """The event id of the answer to a record that has no command id: the same, however often it is told."""
    return str(uuid5(NAMESPACE_URL, f"protiv-buildertrend:put-aside:{topic}:{partition}:{offset}"))


def _command_id(value: bytes) -> str | None:
    start = value[:_LOOKED_AT_BYTES]
    found = _ID_IN_AVRO.match(start, HEADER_BYTES) or _ID_IN_JSON.search(start)
    text = "" if found is None else found[1].decode("ascii")
    return text if is_uuid(text) else None


def _company(key: bytes | str | None) -> str | None:
    try:
        return _usable(key.decode() if isinstance(key, bytes) else key or "")
    except UnicodeDecodeError:
        return None


def _usable(company_id: str) -> str | None:
    return company_id if company_problem(company_id) is None else None
