"""Answers: every sign of a session's end is recognised, and only data is ever taken for data."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import IntegrationError
from producers.buildertrend.answers import (
    ModuleMissingError,
    SessionExpiredError,
    bare,
    enveloped,
    parsed_row,
    read_json,
)
from producers.buildertrend.client import Answer
from producers.buildertrend.decoding import NotJsonError
from producers.buildertrend.faults import SourceFaultError
from schemas.faults import NO_PERMISSION, SOURCE_CHANGED, SOURCE_UNAVAILABLE

GOOD: dict[str, Any] = {"success": True, "message": None, "needsToRelogin": False, "data": {"data": []}}


def answer(body: Any = None, *, status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, headers, raw)


SESSION_ENDS = {
    "needsToRelogin": answer({**GOOD, "needsToRelogin": True}),
    "needsToRelogin with success false": answer({"success": False, "needsToRelogin": True, "data": None}),
    "401": answer({"message": "denied"}, status=401),
    "401 with good data": answer(GOOD, status=401),
    "302 to the error page": answer(b"", status=302, Location="/app/error"),
    "302 to the sign-in page": answer(b"", status=302, Location="https://login.buildertrend.com/"),
    "307 to the landing page": answer(b"", status=307, Location="/app/Landing?to=x"),
    "html page": answer(b"<!DOCTYPE html><html><body>Sign in</body></html>"),
    "html page behind spaces": answer(b"\r\n  <html></html>"),
}


@pytest.mark.parametrize("sign", SESSION_ENDS)
def test_read_json_sign_of_a_sessions_end_is_never_data(sign: str) -> None:
    with pytest.raises(SessionExpiredError):
        read_json(SESSION_ENDS[sign], what="shifts")


@pytest.mark.parametrize(("location", "refused"), [("/app/error", True), ("/Login", False)])
def test_read_json_redirect_to_the_error_page_may_mean_the_client(*, location: str, refused: bool) -> None:
    with pytest.raises(SessionExpiredError) as caught:
        read_json(answer(b"", status=302, Location=location), what="shifts")
    assert caught.value.refused_client is refused


DEEP = b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}"
FAULTS: list[tuple[Answer, object]] = [
    (answer(b"", status=302, Location="/maintenance.html"), SOURCE_UNAVAILABLE),
    (answer(b"", status=302, Location="https://status.example/"), SOURCE_UNAVAILABLE),
    (answer(b"", status=302, Location="http://[::1/app/error"), SOURCE_UNAVAILABLE),
    (answer(b"", status=302), SOURCE_UNAVAILABLE),
    (answer(DEEP), SOURCE_CHANGED),
    (answer(b"[" + b"{}," * 1_000_000 + b"{}]"), SOURCE_CHANGED),
    (answer({"success": False, "message": "Something went wrong", "data": None}), SOURCE_UNAVAILABLE),
    (answer({"success": False, "message": "You do not have PERMISSION to view this", "data": None}), NO_PERMISSION),
    (answer({"message": "no"}, status=403), NO_PERMISSION),
    (answer({"message": "teapot"}, status=418), SOURCE_UNAVAILABLE),
    (answer(b"", status=204), SOURCE_UNAVAILABLE),
    (answer(b""), SOURCE_UNAVAILABLE),
    (answer(b'{"success": true, "data": {"da'), SOURCE_UNAVAILABLE),
    (answer(b"\xff\xfe\x00"), SOURCE_UNAVAILABLE),
    (answer(b'{"success": true, "data": NaN}'), SOURCE_UNAVAILABLE),
    (answer(b"OK"), SOURCE_UNAVAILABLE),
]


@pytest.mark.parametrize(("given", "fault"), FAULTS)
def test_read_json_answer_that_is_no_data_is_its_fault(given: Answer, fault: object) -> None:
    with pytest.raises(SourceFaultError) as caught:
        read_json(given, what="shifts")
    assert caught.value.fault is fault
    assert caught.value.detail.startswith("shifts")


@pytest.mark.parametrize("status", [404, 500])
def test_read_json_missing_module_is_told_apart_and_an_outage_by_default(status: int) -> None:
    with pytest.raises(ModuleMissingError) as caught:
        read_json(answer(b"<html>", status=status), what="budget")
    assert caught.value.fault is SOURCE_UNAVAILABLE


def test_read_json_message_of_the_source_is_in_no_error() -> None:
    with pytest.raises(IntegrationError) as caught:
        read_json(answer({"success": False, "message": "Ana Diaz has no permission"}), what="users")
    assert "Ana" not in str(caught.value)


def test_read_json_decimals_are_exact() -> None:
    assert str(read_json(answer(b'{"success": true, "data": 0.10}'), what="x")["data"]) == "0.10"


def test_read_json_half_of_a_surrogate_pair_is_replaced_so_that_the_record_can_be_written() -> None:
    raw = b'{"data": [{"notes": "cut \\ud83d", "whole": "\\ud83d\\ude00", "\\udc00": 1}]}'
    (row,) = read_json(answer(raw), what="shifts")["data"]
    assert row["notes"] == "cut \ufffd"
    assert row["whole"] == "😀"
    json.dumps(row, ensure_ascii=False).encode()


@pytest.mark.parametrize("parsed", [None, [], "x", {}, {"success": True}, {"success": True, "data": None}])
def test_enveloped_without_data_is_source_changed(parsed: Any) -> None:
    with pytest.raises(SourceFaultError) as caught:
        enveloped(parsed, what="jobs")
    assert caught.value.fault is SOURCE_CHANGED
    assert "data" in caught.value.detail


@pytest.mark.parametrize("parsed", [{"a": 1}, {"data": {"a": 1}}, {"success": True, "data": {"a": 1}}])
def test_bare_takes_the_object_with_or_without_the_envelope(parsed: Any) -> None:
    assert bare(parsed, what="budget") == {"a": 1}


@pytest.mark.parametrize("parsed", [None, [], "x", 5])
def test_bare_other_than_an_object_is_source_changed(parsed: Any) -> None:
    with pytest.raises(SourceFaultError) as caught:
        bare(parsed, what="budget")
    assert caught.value.fault is SOURCE_CHANGED


def slow(text: bytes) -> Any:
    """The standard library's value of a text without half surrogates, money exact."""
    return json.loads(text, parse_float=Decimal)


def told_apart(node: Any) -> Any:
    """A value with the kind of each of its parts: True is 1, and 1.0 is 1, only to `==`."""
    if isinstance(node, dict):
        return {key: told_apart(value) for key, value in node.items()}
    if isinstance(node, list):
        return [told_apart(item) for item in node]
    return type(node).__name__, str(node)


ODD_NUMBERS = (
    *("0", "-0", "1", "-1", "0.0", "-0.0", "0.10", "1.50e2", "1E400", "-1e-400", "1e5", "9007199254740993"),
    *("18446744073709551615", "18446744073709551616", "-9223372036854775809", "0.1000000000000000055511151231257827"),
    *("123456789012345678901234567890", "12345678901234567890.123456789012345678901234567890"),
)
ODD_TEXTS = (
    *('"\\u00e9\\n\\/\\b"', '"\\ud83d\\ude00"', '"\\u0000"', '"\u2028"', '""', "true", "false", "null"),
    *('{"a": 1, "a": 2}', '{"": []}', " [ 1 , 2 ] ", "{}", '{"\\u0061": {"b": [null, {"c": 0.30}]}}'),
)


@pytest.mark.parametrize("text", [*ODD_NUMBERS, *ODD_TEXTS])
def test_the_quick_parser_reads_what_the_slow_one_reads(text: str) -> None:
    for raw in (text.encode(), f'{{"id": {text}, "more": [{text}]}}'.encode()):
        assert told_apart(parsed_row(raw)) == told_apart(slow(raw))


NO_JSON = (
    *("", " ", "{", '{"a": 1', "[1,]", '{"a": 1,}', '{"a"}', "{'a': 1}", "01", "1.", ".5", "+1", "0x1", "1e", "- 1"),
    *("NaN", "Infinity", "-Infinity", "nul", "True", '"a', '"a\tb"', '"\\x41"', '"\\u12"', "1 2", "{} {}", "[1] x"),
)


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_to_the_slow_parser_is_none_to_the_quick_one(text: str) -> None:
    with pytest.raises(NotJsonError):
        parsed_row(text.encode())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_json_is_read_as_the_slow_parser_reads_it(value: Any) -> None:
    text = as_json(value).encode()
    assert told_apart(parsed_row(text)) == told_apart(slow(text))


def as_json(value: Any) -> str:
    """JSON with every digit of a Decimal, and characters as they are."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_json(key)}: {as_json(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(as_json(item) for item in value) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
