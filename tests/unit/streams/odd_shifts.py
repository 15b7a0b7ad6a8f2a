"""Shifts with unusual values of every kind that a rule checks, for the tests that compare the two ways of shifts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.codec import Record
from streams.records import RawRecord
from streams.state.company import Children, Company, Index
from streams.state.partition import PartitionState
from tests.unit.streams.factories import ZONE, named, shift

# Right, at a limit, odd but right, and wrong.
NUMBERS = [0, 1, 7, 480, -1, 2**31 - 1, 2**31, 2**62, None]
IDS = [0, 1, 2, 41, 2**40, -1, -(2**63), 2**63 - 1]
TEXTS = [None, "", " ", "\u2003", "Framing", " Framing ", "A\x00B", "\x00", "Ümläut 木", "'", "a" * 300,
         "é" * 499, "a" * 501, "a" * 10_001, "\x1b]0;x", "a\tb\nc", "\x7f"]  # fmt: skip
MONEY = [None, "", " ", "0", "336.0", "$42.00", "-5", "(5)", "-$5.00", "$-5.00", "$", "-", ".", "1,042.50", "1,04.5",
         "١٢", "1e3", "999999999.999999", "999999999999", "1000000000000", "9" * 15, "5\n", '"336.0"', '"', "null",
         "NaN", "1..2", "1" * 9 + "." + "1" * 20, "1.", "\x00", "5\x00", "+5", "--5", "1,042,000",
         "1,042,000,000,000,000"]  # fmt: skip
DAYS = ["2026-05-20", "2026-03-07", "2026-03-08", "2026-03-09", "2026-10-31", "2026-11-01", "2026-11-02", "2011-12-29",
        "2011-12-30", "2011-12-31", "2024-02-29", "2023-02-29", "2026-02-30", "2026-04-31", "2026-12-31", "2027-01-01",
        "2006-01-01", "2055-01-01", "0001-01-01", "1900-01-01", "2007-01-01", "2054-12-31", "9999-12-31"]  # fmt: skip
HOURS = ["00:00:00", "00:30:00", "01:30:00", "01:59:59", "02:00:00", "02:30:00", "03:00:00", "03:10:00", "09:19:00",
         "17:49:00", "23:59:59", "24:00:00", "23:60:00", "09:19", "09:19:00Z", "09:19:00.123", "09:19:00 ", "09:19:61",
         "09:19:00\x00", "٠٩:19:00", "09:19:00\n"]  # fmt: skip
STAMPS = [f"{day}T{hour}" for day in DAYS for hour in HOURS] + [
    "", " ", "yesterday", "2026-05-20", "2026-05-20 09:19:00", "20260520T091900"
]  # fmt: skip
ZONES = [
    ZONE, "America/Denver", "Pacific/Apia", "Africa/Casablanca", "Europe/Dublin", "UTC",
    "", "Mars/Base", "../etc/passwd", "America", "America/New_York\x00", " UTC", "utc",
]  # fmt: skip
TITLES = [
    [],
    ["t" * 201],
    ["t" * 501],
    ["t"] * 201,
    ["A"],
    [" A ", "A"],
    [""],
    ["A", "", "B"],
    ["\x00"],
    ["A", "B\x00"],
    ["\u2003", "A  B"],
]
# Of a cost code: as captured, fractions that need all their digits, none, and none that can be right.
PARTS = ["487.998", "1.002", "480", "0", "0.0", "0.000000000000000000000000000001", "1e2", "-1", "-0", None, "", "null",
         "NaN", "x", "2147483647", "2147483648", "1e99", "1e-99", "9" * 101, '"60"', "60.5", "240"]  # fmt: skip
CODE_IDS = [None, 1, 2, 10, 11, 0, -1, 2**63 - 1]
CODES = [
    *([named(title) for title in titles] for titles in TITLES),
    *([named("A", code_id, "480")] for code_id in CODE_IDS),
    *([named("A", 1, part), named("B", 2, "240")] for part in PARTS),
    *(
        [named("A", 1, "240"), named(title, code_id, "240")]
        for code_id in CODE_IDS
        for title in ("A", "B", "", "\x00B")
    ),
    [named("Buildertrend Flat Rate", 7, "480")],
    [named("Buildertrend Flat Rate", 7, "100"), named("A", 1, "380")],
    [named("Buildertrend Flat Rate"), named("A")],
    [named("", None, "5")],
    [named("", None, "0"), named("A", 1, "480")],
    [named("", None, "5"), named("A", 1, "475")],
    [named("A", 10, "1"), named("A", 9, "1"), named("A", 11, "1")],
    [named("A", 1, "0"), named("B", 2, "0")],
    [named("A", 1, "1000"), named("B", 2, "3000")],
    [named("A", number, "1") for number in range(1, 202)],
    [named("A", 1, "1")] * 201,
]
ODD: dict[str, Sequence[Any]] = {
    "id": IDS,
    "jobId": IDS,
    "userID": IDS,
    "jobName": TEXTS,
    "name": TEXTS,
    "notes": TEXTS,
    "rate": MONEY,
    "builderCost": [None, *({"value": each} for each in MONEY)],
    "breakTime": [None, *({"breakTime": each} for each in NUMBERS)],
    "regularTime": NUMBERS,
    "overTime": NUMBERS,
    "doubleOverTime": NUMBERS,
    "personalTimeOff": NUMBERS,
    "timeIn": [{"timeStamp": each} for each in STAMPS],
    "timeOut": [None, *({"timeStamp": each} for each in STAMPS)],
    "tags": TITLES,
    "costCodes": CODES,
    "approvalStatus": [
        None,
        *(
            {"isApproved": is_approved, "updatedDate": stamp}
            for is_approved in (None, False, True)
            for stamp in (None, "2026-05-07T16:43:54.66", "2026-05-07T16:43:54.1234567", *STAMPS[::7], *STAMPS[-7:])
        ),
    ],
}
CHANGES: dict[str, Sequence[Any]] = {
    "time_zone": ZONES,
    "op": ["CREATE", "SNAPSHOT", "DELETE"],
    "entity_id": ["9001", "1", "01", "+1", "", "-1", "1/1", "1\x00", str(2**40)],
    "version": range(1, 7),
    "after": [None],
}


@st.composite
def contents(draw: st.DrawFn) -> tuple[Record, Record]:
    """A shift and its envelope with a few values that are, or may be, unusual."""
    odd = draw(st.lists(st.sampled_from(sorted(ODD)), max_size=2, unique=True))
    changed = draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=1, unique=True))
    after = shift(draw(st.integers(1, 4))) | {name: draw(st.sampled_from(ODD[name])) for name in odd}
    return after, {name: draw(st.sampled_from(CHANGES[name])) for name in changed}


PLACES = st.sampled_from(["as it is", "as it is", "other key", "no key", "other partition", "no value", "rubbish"])


def altered(raw: RawRecord, how: str) -> RawRecord:
    changes: dict[str, dict[str, Any]] = {
        "other key": {"key": b"acme/77"},
        "no key": {"key": None},
        "other partition": {"key": b"elsewhere/1"},
        "no value": {"value": None},
        "rubbish": {"value": (raw.value or b"")[:9]},
    }
    return dataclasses.replace(raw, **changes.get(how, {}))


def content(state: PartitionState) -> Any:
    """All that a state holds, for comparing."""
    held = {name: _plain(company) for name, company in state._companies.items()}
    return held, state._next_offsets


def _plain(part: Any) -> Any:
    if isinstance(part, Company):
        return {name: _plain(getattr(part, name)) for name in Company.__slots__}
    if isinstance(part, Children | Index):
        return {name: _plain(value) for name, value in vars(part).items()}
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items()}
    return part
