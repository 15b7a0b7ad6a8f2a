"""Users: whom a filter lists and whom shifts name; a worker who has shifts is not gone, whatever a list lacks."""

from __future__ import annotations

from typing import Any

import pytest

from control.checkpoints import INCOMPLETE_REASON
from control.source_state import ReadRange
from producers.buildertrend.option_lists import users_of
from producers.buildertrend.reads.time_entries import Days, TimeEntriesRead
from producers.buildertrend.reads.users import UsersRead
from producers.source import SourceRecord
from tests.factories import records_of, shift_on
from tests.unit.producers.fix_account import MemoryAccount

LISTED: list[Any] = [{"id": 77, "name": "Ana Diaz-Lee"}, {"id": 78, "name": "Bo Yun"}]


def shifts_read(account: MemoryAccount) -> TimeEntriesRead:
    """Read to its end."""
    shifts = TimeEntriesRead(account.as_account(), Days())
    list(shifts.pages())
    return shifts


def company(listed: list[Any] = LISTED) -> MemoryAccount:
    rows = [shift_on("2026-06-12", 1, userID=77, name="Ana Diaz"), shift_on("2026-06-11", 2, userID=12, name="Cy Old")]
    return MemoryAccount(shift_rows=rows, user_rows=listed)


def found(read: UsersRead) -> dict[str, SourceRecord]:
    return {record.entity_id: record for record in records_of(read.pages())}


def test_users_are_those_of_the_list_and_those_whom_shifts_name() -> None:
    account = company()
    users = found(UsersRead(account.as_account(), shifts_read(account)))
    assert {user_id: (one.after["name"], one.stands_in) for user_id, one in users.items()} == {
        "77": ("Ana Diaz-Lee", False),
        "78": ("Bo Yun", False),
        "12": ("Cy Old", True),
    }
    assert users["12"].incomplete


def test_users_of_a_whole_read_of_list_and_shifts_are_complete() -> None:
    account = company()
    read = UsersRead(account.as_account(), shifts_read(account))
    list(read.pages())
    assert read.complete_range() == ReadRange()


def test_users_nobody_is_gone_where_not_all_shifts_were_read_or_nobody_is_listed() -> None:
    account = company()
    incomplete = TimeEntriesRead(account.as_account(), Days())
    incomplete.restore({"workers": {"12": "Cy Old"}, INCOMPLETE_REASON: "x"})
    reads = [
        UsersRead(account.as_account(), shifts_read(account), whole=False),
        UsersRead(account.as_account(), None),
        UsersRead(account.as_account(), incomplete),
        UsersRead(company([]).as_account(), shifts_read(account)),
    ]
    for read in reads:
        list(read.pages())
        assert read.complete_range() is None


def test_users_know_the_workers_of_shifts_that_an_earlier_attempt_read() -> None:
    account = company()
    before = shifts_read(account)
    resumed = TimeEntriesRead(account.as_account(), Days())
    resumed.restore(before.cursor())
    read = UsersRead(account.as_account(), resumed)
    assert set(found(read)) == {"77", "78", "12"}
    assert read.complete_range() == ReadRange()


def test_users_second_look_asks_the_list_again_and_proves_nothing_without_one() -> None:
    account = company()
    read = UsersRead(account.as_account(), shifts_read(account))
    assert [record.entity_id for record in records_of(read.second_look({"78", "99"}))] == ["78"]
    assert read.second_look_result().incomplete is None
    account.user_rows = []
    assert records_of(read.second_look({"78"})) == []
    assert read.second_look_result().incomplete is not None


@pytest.mark.parametrize(
    "row",
    [
        {"id": 0, "name": "Unassigned"},
        {"id": -1, "name": "All users"},
        {"id": None, "name": "None"},
        {"id": 5, "name": "Ridge Electric", "extraData": {"userType": 2}},
    ],
)
def test_users_option_that_is_no_internal_user_is_none(row: dict[str, Any]) -> None:
    assert set(found(UsersRead(company([row, *LISTED]).as_account()))) == {"77", "78"}


def test_users_what_stands_beside_a_name_is_taken() -> None:
    row = {"id": "5", "name": "Di Roy", "extraData": {"userType": 1}, "emailAddresses": "di@x.test", "phone": "1"}
    after = found(UsersRead(company([row]).as_account()))["5"].after
    assert (after["userId"], after["email"], after["phone"]) == (5, "di@x.test", "1")


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"options": {"3": [{"id": 1, "name": "Open"}], "users": LISTED}}},
        {"data": {"filterLayout": {"groups": [{"options": None}, {"options": {"users": LISTED}}]}}},
        {"filters": [{"fieldId": 7, "options": {}}, {"value": {"options": {"Users": LISTED}}}]},
        {"users": 5, "data": [[{"users": []}, {"users": [{"name": "x"}]}, {"users": LISTED}]]},
    ],
)
def test_users_are_found_wherever_the_answer_lists_them(answer: Any) -> None:
    """Shapes differ (G13)."""
    assert users_of(answer) == LISTED


@pytest.mark.parametrize("answer", [None, [], {}, {"options": {"5": LISTED}}, {"users": {"a": 1}}, "users"])
def test_users_are_not_invented(answer: Any) -> None:
    assert users_of(answer) == []
