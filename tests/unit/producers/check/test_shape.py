"""shape.json says how an account answers and nothing of what it says: no value of a capture gets through anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from producers.buildertrend.check.checker import Checked
from producers.buildertrend.check.names import safe_name, safe_segment
from producers.buildertrend.check.places import Place, decade, place_json, share, step
from producers.buildertrend.check.report import lines_of, report_of
from tests.unit.producers.check.fix_recordings import (
    asked,
    checked,
    entry,
    enveloped,
    everything,
    page_of,
    shift,
    shifts_entry,
)

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def shown_of(found: Checked) -> list[str]:
    """All that a check shows or writes."""
    report = report_of(found)
    return [json.dumps(found.shape()), json.dumps(report.as_json()), "\n".join(lines_of(report))]


def places(found: Checked, path: str) -> dict[str, Any]:
    endpoints = found.shape()["endpoints"]
    (place,) = [one for each in endpoints for one in each["fields"] if one["path"] == path]
    return dict(place)


# Nobody's words: no list of names or words has them. Numbers with digits that no step and no share has.
_SECRETS = st.text(alphabet="QXZqxz-' é.@", min_size=4, max_size=12).filter(lambda text: text.strip() == text)
_SECRET_NUMBERS = st.integers(30_303, 9_898_989_898).map(lambda number: 10 * number + 7)


class _Spy:
    """Puts secrets in place of every value, and remembers them."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.texts: set[str] = set()
        self.numbers: set[int] = set()

    def text(self) -> str:
        found = self._data.draw(_SECRETS)
        self.texts.add(found)
        return found

    def number(self) -> int:
        found = self._data.draw(_SECRET_NUMBERS)
        self.numbers.add(found)
        return found

    def over(self, node: Any) -> Any:
        """The same with every text and number another; some objects get a field that is named by a value."""
        if isinstance(node, dict):
            own = {key: self.over(value) for key, value in node.items()}
            return own | ({self.text(): self.number()} if self._data.draw(st.booleans()) else {})
        if isinstance(node, list):
            return [self.over(one) for one in node]
        if isinstance(node, bool) or node is None:
            return node
        return self.number() if isinstance(node, (int, float)) else self.text()

    def rows(self) -> list[Any]:
        """Rows that are understood, with secrets where people's values stand."""
        codes = [{"id": self.number(), "costCodeTitle": self.text(), "totalMinutes": 87}]
        tags = [self.text(), {"name": self.text()}]
        known = {"name": self.text(), "jobName": self.text(), "notes": self.text(), "costCodes": codes, "tags": tags}
        by_name = {"hoursByWorker": {self.text(): self.number()}, self.text(): self.number()}
        return [shift(id=self.number(), userID=self.number(), **known, **by_name), self.over(shift())]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_shape_report_and_logs_hold_no_value_of_the_capture(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spy = _Spy(data)
    rows = spy.rows()
    body = asked(jobIds=[spy.number()], searchText=spy.text(), filters=json.dumps({"5": spy.text(), spy.text(): "7"}))
    entries = [shifts_entry(rows, body, records=spy.number()), shifts_entry(rows, spy.over(asked()))]
    for one in everything():
        content = one["response"]["content"]
        content["text"] = json.dumps(spy.over(json.loads(content["text"])))
        entries.append(one)
    name = spy.text().replace("@", "").strip() or "qx"
    spy.texts.add(name)
    entries.append(entry("GET", f"/api/Files/{name}/{spy.number()}?name={name}", enveloped({name: name})))
    entries.append(entry("GET", "/api/AccountInfo/GlobalInfo", f'{{"cut": "{spy.text()}'))
    with capture_logs() as logs:
        shown = shown_of(checked(tmp_path_factory.mktemp("spied"), *entries))
    for text in [*shown, json.dumps(logs, default=str)]:
        assert [secret for secret in spy.texts if len(secret) > 3 and secret in text] == []
        assert {int(Decimal(number)) for number in _NUMBERS.findall(text)} & spy.numbers == set()


def test_shape_of_a_place_where_a_worker_stood_is_closed(tmp_path: Path) -> None:
    found = checked(tmp_path, shifts_entry([shift()]))
    assert places(found, "data.data[].timeIn.location") == {
        "path": "data.data[].timeIn.location",
        "types": {"object": 1.0},
        "missing": 0.0,
    }
    for text in shown_of(found):
        assert "latitude" not in text
        assert "40.0" not in text


def test_shape_says_how_often_a_field_is_missing_null_and_zero(tmp_path: Path) -> None:
    rows = [shift(id=n, jobId=None if n % 4 else 9001234) for n in range(100)]
    del rows[0]["notes"]
    found = checked(tmp_path, shifts_entry(rows))
    job = places(found, "data.data[].jobId")
    assert job == {
        "path": "data.data[].jobId",
        "types": {"integer": 0.25, "null": 0.75},
        "missing": 0.0,
        "zero": 0.0,
        "decades": [6, 6],
    }
    assert places(found, "data.data[].notes")["missing"] == 0.01
    assert places(found, "data.data[].totalWorkTime")["zero"] == 1.0
    assert places(found, "data.data[].rate")["types"] == {"amount": 1.0}
    assert places(found, "data.data[].timeIn.timeStamp")["types"] == {"date": 1.0}


def test_shape_has_paging_and_the_form_of_the_request(tmp_path: Path) -> None:
    body = asked(jobIds=list(range(9001000, 9001237)))
    (endpoint,) = checked(tmp_path, shifts_entry([shift()], body, records=5861, pageSize=100)).shape()["endpoints"]
    assert endpoint["paging"] == {
        "page_number": "text",
        "asked": [200],
        "answered": [100],
        "smaller_than_asked": 1.0,
        "short_before_end": 1.0,
        "records": "more-than-shown",
        "total_pages": "other",
        "most_job_ids": 200,
        "no_job_ids": 0.0,
        "with_general": 1.0,
    }
    request = endpoint["request"]
    assert request["columns"] == asked()["gridRequest"]["selectedColumns"]
    assert (request["sort_column"], request["sort_direction"], request["empty_state_entity"]) == ("1", "desc", 19)
    assert request["filters"] == {"12": {"form": "json-text", "all_time": True}}
    assert request["saved_view"] is False


def test_shape_keeps_of_a_request_what_buildertrends_page_put_there(tmp_path: Path) -> None:
    grid = {"selectedColumns": ["1", "7700001", "Ana"], "sortColumn": "Ana", "sortDirection": "up", "savedViewId": 881}
    body = asked(gridRequest=grid, filters=json.dumps({"5": "Ana Diaz", "7700001": "1"}))
    (endpoint,) = checked(tmp_path, shifts_entry([shift()], body)).shape()["endpoints"]
    assert endpoint["request"]["columns"] == ["1", "*", "*"]
    assert endpoint["request"]["sort_column"] == "*"
    assert endpoint["request"]["sort_direction"] == "*"
    assert endpoint["request"]["saved_view"] is True
    assert endpoint["request"]["filters"] == {
        "5": {"form": "text", "all_time": False},
        "*": {"form": "text", "all_time": False},
    }


def test_shape_of_the_same_capture_is_the_same(tmp_path: Path) -> None:
    assert checked(tmp_path, *everything()).shape() == checked(tmp_path, *everything()).shape()


def test_shape_counts_faults_cookies_and_statuses(tmp_path: Path) -> None:
    path, cookie = "/api/AccountInfo/GlobalInfo", [{"name": "Set-Cookie", "value": "a=b"}]
    over = entry("GET", path, enveloped(None, needsToRelogin=True))
    good = entry("GET", path, enveloped({"builderId": 1}), headers=cookie)
    (endpoint,) = checked(tmp_path, over, good, entry("GET", path, "{}", status=403)).shape()["endpoints"]
    assert endpoint["statuses"] == {"200": 2, "403": 1}
    assert endpoint["faults"]["session-expired"] == 1
    assert endpoint["sets_cookies"] == 0.35


def test_shape_has_the_members_that_its_description_shows(tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "docs" / "shape.md").read_text()
    described = json.loads(text.split("```json\n")[1].split("```")[0])
    made = checked(tmp_path, shifts_entry([shift()])).shape()
    assert made.keys() == described.keys()
    (endpoint,), (shown,) = made["endpoints"], described["endpoints"]
    assert endpoint.keys() == shown.keys()
    for member in ("paging", "request"):
        assert endpoint[member].keys() == shown[member].keys()
    assert made["format"] == described["format"]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 0), (1, 1), (4, 2), (5, 5), (9, 5), (10, 10), (5861, 5000), (19_999, 10_000)]
)
def test_step_goes_down_to_one_two_or_five(count: int, expected: int) -> None:
    assert step(count) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 10, 0.0), (10, 10, 1.0), (1, 1000, 0.01), (999, 1000, 0.99), (53, 72, 0.75), (1, 0, 0.0), (3, 2, 1.0)],
)
def test_share_is_in_steps_but_never_none_or_all_by_rounding(part: int, whole: int, expected: float) -> None:
    assert share(part, whole) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(7, 0), (-10, 1), (9_999_999, 6), (Decimal("0.05"), -2), (10**300, 18), (Decimal("1E-99"), -18)],
)
def test_decade_is_the_power_of_ten_below(number: int | Decimal, expected: int) -> None:
    assert decade(number) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty-text"),
        ("2026-04-18T08:02:00", "date"),
        ("2026-04-18", "date"),
        ("2026-04-18 is late", "date"),
        ("90001", "digits"),
        ("$25.00", "amount"),
        ("-$1,025.00", "amount"),
        ("04 Concrete", "text"),
        ('{"a": 1}', "json-text"),
        ("Ana Diaz", "text"),
    ],
)
def test_text_is_of_a_type_by_its_form(text: str, kind: str) -> None:
    place = Place()
    place.take(text)
    assert place_json("x", place, 1)["types"] == {kind: 1.0}


@pytest.mark.parametrize(
    "name",
    ["isApproved", "costCodes", "userID", "SelectedValue", "jobHistoryIds", "canEditShift", "totalPages", "latitude"],
)
def test_name_of_known_words_is_kept(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "maria",
        "Maria",
        "Mark",
        "Bill",
        "anaDiaz",
        "acmeHomes",
        "7700001",
        "job7",
        "a b",
        "ñ",
        "",
        "x" * 60,
        "user@x.com",
    ],
)
def test_name_that_may_be_a_value_is_hidden(name: str) -> None:
    assert safe_name(name) == "*"


def test_segment_of_a_path_is_kept_by_its_words_alone() -> None:
    assert [safe_segment(one) for one in ("apix", "v3", "work-in-progress", "GetJobList", "Acme", "7700001", "")] == [
        "apix",
        "v3",
        "*",
        "GetJobList",
        "*",
        "*",
        "*",
    ]


def _deep(depth: int) -> Iterator[str]:
    yield "[" * depth + "]" * depth
    yield '{"data":' * depth + "1" + "}" * depth


def test_shape_of_deep_and_wide_answers_is_bounded(tmp_path: Path) -> None:
    wide = {f"is{'Job' * n}": n for n in range(1, 15)} | {f"k{n}": n for n in range(20_000)}
    entries = [entry("GET", "/api/AccountInfo/GlobalInfo", text) for depth in (60, 5000) for text in _deep(depth)]
    found = checked(tmp_path, *entries, entry("GET", "/api/Files", enveloped(wide)), shifts_entry([page_of([])]))
    assert len(json.dumps(found.shape())) < 100_000


def test_shape_of_many_endpoints_is_bounded(tmp_path: Path) -> None:
    words = ["job", "user", "page", "grid", "list", "view", "time", "date", "file", "task"]
    paths = [f"/api/{a}/{b}/{c}" for a in words for b in words for c in words]
    found = checked(tmp_path, *(entry("GET", path, enveloped({})) for path in paths))
    assert len(found.findings) <= 501
