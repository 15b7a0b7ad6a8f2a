"""A quick look at a shift's row: just what is needed to know which one it is, of which day and whose.

A row whose bytes were read before is never parsed further; that is most rows of most reads.
"""

from __future__ import annotations

from typing import Any

import msgspec

from producers.buildertrend.answers import changed, parsed_row
from producers.buildertrend.rows import Shift, parse_row


class WhenIn(msgspec.Struct, frozen=True):
    timeStamp: str


class Glance(msgspec.Struct, frozen=True):
    """The fields looked at, as Buildertrend spells them [B]."""

    id: int
    userID: int
    timeIn: WhenIn
    name: Any = None


_DECODER = msgspec.json.Decoder(Glance)


def glance(raw: Any) -> Glance:
    """Look at a row, as bytes or parsed; SourceFaultError `source-changed` with the field if it does not fit."""
    try:
        return _DECODER.decode(raw) if isinstance(raw, bytes) else msgspec.convert(raw, Glance)
    except msgspec.MsgspecError as exc:
        # The whole row's rules say which field it is.
        parse_row(Shift, parsed_row(raw), what="shifts")
        raise changed("shifts", "(row)") from exc
