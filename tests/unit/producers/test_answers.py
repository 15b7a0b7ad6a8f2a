"""Answers: every sign of a session's end is one, and nothing but data is ever taken for data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import IntegrationError
from producers.buildertrend.answers import ModuleMissingError, SessionOverError, bare, enveloped, read_json
from producers.buildertrend.faults import NO_PERMISSION, SOURCE_CHANGED, SOURCE_UNAVAILABLE, SourceFaultError
from producers.buildertrend.polite import Answer

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
    "307": answer(b"", status=307, Location="/"),
    "redirect without an address": answer(b"", status=302),
    "html page": answer(b"<!DOCTYPE html><html><body>Sign in</body></html>"),
    "html page behind spaces": answer(b"\r\n  <html></html>"),
}


@pytest.mark.parametrize("sign", SESSION_ENDS)
def test_read_json_sign_of_a_sessions_end_is_never_data(sign: str) -> None:
    with pytest.raises(SessionOverError):
        read_json(SESSION_ENDS[sign], what="shifts")


@pytest.mark.parametrize(("location", "refused"), [("/app/error", True), ("/Login", False)])
def test_read_json_redirect_to_the_error_page_may_mean_the_client(*, location: str, refused: bool) -> None:
    with pytest.raises(SessionOverError) as caught:
        read_json(answer(b"", status=302, Location=location), what="shifts")
    assert caught.value.refused_client is refused


FAULTS: list[tuple[Answer, object]] = [
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
