"""A quick look at a shift's row: just what is needed to know which one it is, of which day and whose.

A row whose bytes were read before is never parsed further; that is most rows of most reads.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Any

import msgspec

from producers.buildertrend.answers import parsed_row
from producers.buildertrend.decoding import NotJsonError
from producers.buildertrend.reads.rows import Shift, parse_row, unreadable

_Id = Annotated[int, msgspec.Meta(ge=-(2**63) + 1, le=2**63 - 1)]
_LONGEST_NAME = 1_000


class WhenIn(msgspec.Struct, frozen=True):
    timeStamp: str


class Glance(msgspec.Struct, frozen=True):
    """The fields looked at, as Buildertrend spells them [B]."""

    id: _Id
    userID: _Id
    timeIn: WhenIn
    name: Any = None

    def worker(self) -> str | None:
        """The worker's name as a checkpoint can keep it."""
        return self.name.replace("\x00", "")[:_LONGEST_NAME] if isinstance(self.name, str) else None


_DECODER = msgspec.json.Decoder(Glance)


def glance(raw: Any) -> Glance:
    """Look at a row, as bytes or parsed; UnreadableRowError with the field if it does not fit."""
    try:
        return _DECODER.decode(raw) if isinstance(raw, bytes) else msgspec.convert(raw, Glance)
    except (msgspec.MsgspecError, RecursionError):
        # The whole row's rules take some more forms, and say which field it is otherwise.
        row = parse_row(Shift, whole_row(raw), what="shifts")
    return Glance(row.id, row.userID, WhenIn(row.timeIn["timeStamp"]), row.name)


def whole_row(raw: Any) -> Any:
    """The parsed row; UnreadableRowError if it is beyond all bounds."""
    try:
        return parsed_row(raw)
    except NotJsonError as exc:
        whole = {"bytes": len(raw), "blake2b": blake2b(raw, digest_size=16).hexdigest()}
        raise unreadable("shifts", "(row)", whole) from exc
