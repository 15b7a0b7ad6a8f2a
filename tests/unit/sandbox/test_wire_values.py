"""Single values of the wire: exact decimals, rates, sentinels, grid queries."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.wire.call import WireRefusedError
from sandbox.wire.grid import DateRange, page_of, read_grid_query
from sandbox.wire.values import amount, date_or_sentinel, money, rate_text

ALL_TIME = json.dumps({"12": json.dumps({"SelectedValue": 2_147_483_647})})


def body(**paging: object) -> dict[str, Any]:
    return {"gridRequest": {}, "pagingData": {"pageNumber": "1", "pageSize": 10, **paging}, "filters": ALL_TIME}


@given(st.integers(-(10**12), 10**12))
def test_amount_prints_as_the_exact_cents(cents: int) -> None:
    assert Decimal(json.dumps(amount(cents))) == Decimal(cents).scaleb(-2)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_money_is_a_number_or_wrapped_and_the_same_each_time(cents: int, salt: int) -> None:
    assert money(cents, salt=salt) in (amount(cents), {"value": amount(cents), "scale": 2})
    assert money(cents, salt=salt) == money(cents, salt=salt)


@pytest.mark.parametrize(("cents", "text"), [(4200, "$42.00"), (104_250, "$1,042.50"), (5, "$0.05"), (0, "$0.00")])
def test_rate_text_has_dollar_comma_and_cents(cents: int, text: str) -> None:
    assert rate_text(cents) == text


def test_date_or_sentinel_keeps_a_date_and_uses_all_sentinels() -> None:
    assert date_or_sentinel("2026-05-20T00:00:00", salt=1) == "2026-05-20T00:00:00"
    assert {date_or_sentinel(None, salt=salt)[:4] for salt in range(3)} == {"0001", "2006", "2055"}


@given(st.integers(0, 200), st.integers(1, 50))
def test_pages_partition_the_rows(count: int, size: int) -> None:
    rows = list(range(count))
    _, facts = page_of(rows, read_grid_query(body(pageSize=size)), total_pages="records")
    pages = [
        page_of(rows, read_grid_query(body(pageSize=size, pageNumber=str(number))))[0]
        for number in range(1, facts["totalPages"] + 1)
    ]
    assert [row for page in pages for row in page] == rows
    assert all(pages)
    assert facts["records"] == count


@pytest.mark.parametrize("paging", [{"pageNumber": 1}, {"pageSize": "10"}, {"pageNumber": "-1"}, {"pageSize": 0}])
def test_wrong_paging_is_refused(paging: dict[str, object]) -> None:
    with pytest.raises(WireRefusedError, match="pagingData"):
        read_grid_query(body(**paging))


def test_grid_query_reads_what_is_stated() -> None:
    dates = {"SelectedValue": 0, "StartDate": "2026-05-01T00:00:00", "EndDate": None}
    stated = {
        **body(),
        "jobIds": [3, 4],
        "includeGeneralJobItems": True,
        "filters": json.dumps({"12": json.dumps(dates)}),
    }
    stated["gridRequest"] = {"sortColumn": "2", "sortDirection": "desc"}
    query = read_grid_query(stated)
    assert (query.sort_column, query.descending, query.job_ids) == ("2", True, frozenset({3, 4}))
    assert (query.with_general_job, query.dates) == (True, DateRange("2026-05-01", None))


@pytest.mark.parametrize(
    ("day", "inside"), [("2026-04-30", False), ("2026-05-01", True), ("2026-05-31", True), ("2026-06-01", False)]
)
def test_date_range_holds_both_its_ends(day: str, inside: bool) -> None:
    assert DateRange("2026-05-01", "2026-05-31").holds(f"{day}T23:59:00") is inside
