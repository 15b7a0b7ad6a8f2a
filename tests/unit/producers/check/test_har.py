"""Recordings as they come: bodies in every packing, damaged ones, and files that are none."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.buildertrend.check.exchange import Exchange
from producers.buildertrend.check.har import NO_ANSWER, NOT_KEPT, NOT_READABLE, TOO_LONG, Har, NotHarError
from tests.unit.producers.check.fix_recordings import HOST, entry, enveloped, written

PATH = "/api/AccountInfo/GlobalInfo"
ANSWER = json.dumps(enveloped({"builderId": 60001, "builderName": "Søren & Söhne"}), ensure_ascii=False)


def read(folder: Path, *entries: Any) -> list[Exchange]:
    return list(Har(written(folder, entries)).exchanges())


def content(text: Any, **changes: Any) -> dict[str, Any]:
    return {"size": 10, "mimeType": "application/json", "text": text, **changes}


@pytest.mark.parametrize(
    "packed",
    [
        content(ANSWER),
        content(base64.b64encode(ANSWER.encode()).decode(), encoding="base64"),
        content(base64.b64encode(gzip.compress(ANSWER.encode())).decode(), encoding="base64"),
        content(base64.b64encode(ANSWER.encode("utf-16")).decode(), encoding="base64"),
        content("\ufeff" + ANSWER),
    ],
)
def test_har_body_in_any_packing_is_the_same_text(packed: dict[str, Any], tmp_path: Path) -> None:
    (found,) = read(tmp_path, entry("GET", PATH, "", content=packed))
    assert (found.trouble, json.loads(found.body)) == ("", json.loads(ANSWER))


@pytest.mark.parametrize(
    ("response", "trouble"),
    [
        ({"content": {"size": 5000, "mimeType": "application/json"}}, NOT_KEPT),
        ({"content": content("")}, NOT_KEPT),
        ({"content": None}, NOT_KEPT),
        ({"status": 304, "content": {"size": 0}}, NOT_KEPT),
        ({"content": content("not base64 at all!", encoding="base64")}, NOT_READABLE),
        ({"content": content(base64.b64encode(b"\x1f\x8bgarbage").decode(), encoding="base64")}, NOT_READABLE),
        ({"status": 0}, NO_ANSWER),
        (
            {"content": content(base64.b64encode(gzip.compress(b" " * (33 * 2**20))).decode(), encoding="base64")},
            TOO_LONG,
        ),
    ],
)
def test_har_body_that_is_not_there_is_a_trouble_by_name(
    response: dict[str, Any], trouble: str, tmp_path: Path
) -> None:
    (found,) = read(tmp_path, entry("GET", PATH, "", **response))
    assert (found.trouble, found.body) == (trouble, b"")


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/api/TimeClock/Grid",
        "https://buildertrend.net.example.com/api/AccountInfo/GlobalInfo",
        "https://buildertrend.net/app/TimeClock/Reports",
        "https://buildertrend.net/api/Login/AjaxLogin",
        "https://login.buildertrend.com/oauth/token",
        "data:image/png;base64,xyz",
        "https://[bad",
        "",
    ],
)
def test_har_leaves_out_what_is_not_buildertrends_data(url: str, tmp_path: Path) -> None:
    other = entry("GET", PATH, ANSWER)
    other["request"]["url"] = url
    har = Har(written(tmp_path, [other, entry("GET", PATH, ANSWER)]))
    assert [found.url for found in har.exchanges()] == [HOST + PATH]
    assert har.others == 1


@pytest.mark.parametrize("odd", [7, None, {}, [], {"request": {}}, {"request": {"method": "GET", "url": 5}}, "x"])
def test_har_damaged_entry_is_counted_and_the_next_is_read(odd: Any, tmp_path: Path) -> None:
    har = Har(written(tmp_path, [odd, entry("GET", PATH, ANSWER)]))
    assert len(list(har.exchanges())) == 1
    assert (har.entries, har.damaged) == (2, 1)


def test_har_answer_cut_in_the_middle_of_an_emoji_is_read(tmp_path: Path) -> None:
    (found,) = read(tmp_path, entry("GET", PATH, '{"data": "\ud83d'))
    assert found.body == b'{"data": "?'


def test_har_keeps_of_a_cookie_that_it_was_set_alone(tmp_path: Path) -> None:
    headers = [{"name": "set-cookie", "value": ".AspNet.Auth0=secret"}, {"name": "x", "value": "y"}, 5, {}]
    (found,) = read(tmp_path, entry("GET", PATH, ANSWER, headers=headers))
    assert found.headers == {"Set-Cookie": "set=1"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("{", "cut off"),
        ('{"log": {"entries": [{"a": 1}, {"b"', "cut off"),
        ("[]", "no log.entries"),
        ('{"log": {"entries": 5}}', "no log.entries"),
        ('{"log": {}}', "no log.entries"),
        ("<html>", "no HAR recording"),
        ("[" * 100_000, "no"),
    ],
)
def test_har_file_that_is_none_says_so(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.har"
    path.write_text(text)
    with pytest.raises(NotHarError, match=says):
        list(Har(path).exchanges())


def test_har_file_that_is_missing_or_a_folder_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.har", tmp_path):
        with pytest.raises(NotHarError):
            list(Har(path).exchanges())


def test_har_file_with_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, [entry("GET", PATH, ANSWER)])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(list(Har(path).exchanges())) == 1


@settings(max_examples=150)
@given(text=st.binary(max_size=200), at=st.integers(0, 2000))
def test_har_of_any_bytes_is_read_or_refused(text: bytes, at: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = written(tmp_path_factory.mktemp("har"), [entry("GET", PATH, ANSWER), entry("POST", PATH, ANSWER, {})])
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + text + whole[at + len(text) :])
    try:
        for found in Har(path).exchanges():
            assert isinstance(found.body, bytes)
    except NotHarError:
        pass
