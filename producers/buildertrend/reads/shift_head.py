"""The fields of a shift's row that are parsed at first, by one decode: which shift, of which day, worker and codes."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from producers.buildertrend.reads.rows import Shift

_Id = Annotated[int, msgspec.Meta(ge=-(2**63) + 1, le=2**63 - 1)]


class Start(msgspec.Struct, frozen=True):
    timeStamp: str


class _End(msgspec.Struct, frozen=True):
    timeStamp: str | None = None


class Code(msgspec.Struct, frozen=True, gc=False):
    """A cost code that a shift names; of whatever form, as only the whole row tells."""

    id: Any = None
    costCodeTitle: Any = None


class ShiftHead(msgspec.Struct, frozen=True, rename=Shift.preferred_names()):
    """The fields of a shift that are parsed first, under the names that `Shift` gives them."""

    id: _Id
    userID: _Id
    timeIn: Start
    name: Any = None
    timeOut: _End | None = None
    costCodes: list[Code] | None = None

    @property
    def ended(self) -> str | None:
        """When it ended, in wall time; None while clocked in, and where only the whole row tells."""
        return None if self.timeOut is None else self.timeOut.timeStamp


HEAD = msgspec.json.Decoder(ShiftHead)
