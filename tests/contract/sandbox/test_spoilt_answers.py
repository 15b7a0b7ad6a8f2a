"""Answers that are spoilt while they are sent, as a client's real connection sees them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.contract.sandbox.wire import BROWSER, Site

INFO = "/api/AccountInfo/GlobalInfo"
GRID = "/api/TimeClock/Grid?gridType=29"


def spoil(site: Site, how: str, **more: Any) -> None:
    site.control.set_switches(spoil_next=[{"path_contains": INFO, "how": how, **more}])


def whole(site: Site) -> bytes:
    return bytes(site.call("GET", INFO).content)


def streamed(site: Site) -> Any:
    headers = {**BROWSER, "authorization": f"Bearer {site.token}"}
    return site.sender.stream("GET", site.base_url + INFO, headers=headers)


def test_html_comes_with_status_200_and_is_no_sign_in_page(signed_in: Site) -> None:
    spoil(signed_in, "html")
    answer = signed_in.call("GET", INFO)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert "Sign In" not in answer.text
    assert signed_in.call("GET", INFO).json()["success"] is True


def test_truncated_answer_is_well_formed_http_with_a_part_of_the_json(signed_in: Site) -> None:
    body = whole(signed_in)
    for more, length in (({}, len(body) // 2), ({"after_bytes": 7}, 7)):
        spoil(signed_in, "truncated", **more)
        answer = signed_in.call("GET", INFO)
        assert (answer.status_code, answer.content) == (200, body[:length])
        with pytest.raises(json.JSONDecodeError):
            answer.json()


def test_empty_answer_has_a_json_type_and_no_body(signed_in: Site) -> None:
    spoil(signed_in, "empty")
    answer = signed_in.call("GET", INFO)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("application/json")


def test_invalid_utf8_cannot_be_decoded(signed_in: Site) -> None:
    spoil(signed_in, "invalid-utf8")
    with pytest.raises(UnicodeDecodeError):
        signed_in.call("GET", INFO).content.decode()


@pytest.mark.parametrize(("how", "error"), [("reset", httpx.ReadError), ("close", httpx.RemoteProtocolError)])
@pytest.mark.parametrize("after_bytes", [None, 0, 5])
def test_connection_that_breaks_is_a_transport_error(
    signed_in: Site, how: str, error: type[Exception], after_bytes: int | None
) -> None:
    spoil(signed_in, how, after_bytes=after_bytes)
    with pytest.raises(error):
        signed_in.call("GET", INFO)
    assert signed_in.call("GET", INFO).json()["success"] is True


def test_part_before_the_break_arrives(signed_in: Site) -> None:
    body = whole(signed_in)
    spoil(signed_in, "close", after_bytes=9)
    with streamed(signed_in) as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == body[:9]
        with pytest.raises(httpx.RemoteProtocolError):
            next(chunks)
    assert int(answer.headers["content-length"]) == len(body)


def test_dripping_answer_arrives_whole_in_small_pieces(signed_in: Site) -> None:
    body = whole(signed_in)
    spoil(signed_in, "drip", bytes_per_s=2000)
    with streamed(signed_in) as answer:
        chunks = list(answer.iter_raw())
    assert b"".join(chunks) == body
    assert len(chunks) > 1
    assert max(map(len, chunks)) <= 400


def test_endless_answer_begins_like_json_and_ends_only_when_the_client_leaves(signed_in: Site) -> None:
    spoil(signed_in, "endless")
    with streamed(signed_in) as answer:
        got = b""
        for chunk in answer.iter_raw():
            got += chunk
            if len(got) > 8_000_000:
                break
    assert got.startswith(b'{"success":true')
    assert "content-length" not in answer.headers
    assert signed_in.call("GET", INFO).json()["success"] is True


def test_endless_answer_may_be_slow(signed_in: Site) -> None:
    spoil(signed_in, "endless", bytes_per_s=100)
    with streamed(signed_in) as answer:
        first = next(answer.iter_raw())
    assert len(first) < 200


@pytest.mark.parametrize("times", [2, None])
def test_spoiling_lasts_as_often_as_said_or_until_healed(signed_in: Site, times: int | None) -> None:
    spoil(signed_in, "empty", times=times)
    bodies = [signed_in.call("GET", INFO).content for _ in range(3)]
    assert [body == b"" for body in bodies] == [True, True, times is None]
    signed_in.control.heal("spoil_next")
    assert signed_in.call("GET", INFO).json()["success"] is True


def test_spoiling_reaches_the_sign_in_and_leaves_other_paths_alone(site: Site) -> None:
    site.control.set_switches(spoil_next=[{"path_contains": "/oauth/token", "how": "empty"}])
    assert site.ajax_login().json()["success"] is True
    assert site.ask_token().content == b""
    assert site.ask_token().status_code == 200


def test_rule_for_a_query_meets_that_query_alone(signed_in: Site) -> None:
    jobs = [job["jobId"] for job in signed_in.jobs()[:2]]
    signed_in.control.set_switches(fail_next=[{"path_contains": f"jobId={jobs[0]}", "status": 500, "times": None}])
    path = "/apix/v2/JobCostingBudget/budget-cost-codes?jobId={}"
    assert [signed_in.call("GET", path.format(job)).status_code for job in jobs] == [500, 200]
