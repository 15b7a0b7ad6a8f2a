"""The read of users: the option lists of filters (U3), and the workers that shifts name and no list does (U1).

The grid of internal users has no evidence (U2), and the path of bills' defaults (U4) is not recorded: neither is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import Json
from producers.buildertrend.reads.lists import only
from producers.buildertrend.reads.rows import READER_VERSION, ListedUser, parse_row, row_of, stated_number
from producers.buildertrend.reads.time_entries import TimeEntriesRead
from producers.source import FROM_THE_START, IncompleteReason, Page, ReadStart, SecondLook, SourceRecord, SourceRow
from schemas.entities import USERS

_INTERNAL = 1


class UsersRead:
    """Users of the first filter that lists some, and workers of `shifts`.

    A user whom the list lacks is gone only if no shift names them: `whole`, and all shifts were read before.
    """

    entity = USERS
    reader_version = READER_VERSION
    may_lack_changes = False
    records: int | None = None

    def __init__(self, account: Account, shifts: TimeEntriesRead | None = None, *, whole: bool = True) -> None:
        self._account = account
        self._shifts = shifts
        self._whole = whole
        self._is_listed = False
        self._second_look = SecondLook()

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        self._is_listed = cursor.get("listed", False)

    def cursor(self) -> dict[str, Any]:
        return {"listed": self._is_listed}

    def pages(self, _start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        """One page: it is read whole or not at all."""
        rows = {row.entity_id: row for row in self._listed()}
        self._is_listed = bool(rows)
        workers = {} if self._shifts is None else self._shifts.named.workers
        for user_id, name in sorted(workers.items()):
            rows.setdefault(str(user_id), _worker(user_id, name))
        yield Page(1, list(rows.values()), 1)

    def complete_range(self) -> ReadRange | None:
        all_shifts = self._shifts is not None and self._shifts.showed_all
        return ReadRange() if self._whole and all_shifts and self._is_listed else None

    def incomplete_reason(self) -> IncompleteReason | None:
        return None

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """The list again; without one no deletion is proven."""
        rows = self._listed()
        nothing = IncompleteReason("Buildertrend listed no users when it was asked once more.")
        self._second_look = SecondLook(None if rows else nothing)
        yield only(Page(1, rows, 1), missing)

    def second_look_result(self) -> SecondLook:
        return self._second_look

    def _listed(self) -> list[SourceRow]:
        return [row_of(ListedUser, raw, _user) for raw in self._account.listed_users() if _is_internal(raw)]


def _is_internal(raw: Any) -> bool:
    """Not so: options of nobody or everybody (ids of no user), and people whose type says that they are others."""
    if not isinstance(raw, dict):
        return False
    user_id, extra = stated_number(raw.get("id")), raw.get("extraData")
    kind = extra.get("userType") if isinstance(extra, dict) else None
    return user_id is not None and user_id > 0 and kind in (None, _INTERNAL)


def _user(raw: Json) -> SourceRecord:
    row = parse_row(ListedUser, raw, what="users")
    return SourceRecord(str(row.userId), row.after(raw))


def _worker(user_id: int, name: str | None) -> SourceRow:
    """A worker as shifts know them: they replace no user whom a list states."""
    row = ListedUser.model_construct(userId=user_id, name=name)
    return SourceRow.of(SourceRecord(str(user_id), row.after({}), incomplete=True, stands_in=True))
