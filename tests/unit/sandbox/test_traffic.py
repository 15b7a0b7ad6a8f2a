"""Sessions, counters with an injected clock, and the chain of faults."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response

from sandbox.company import Company
from sandbox.connection import Connection, PlainConnection
from sandbox.directory import CompanyRequest, Directory
from sandbox.faults.chain import AROUND_REQUESTS, answer_through
from sandbox.faults.visit import Fault, Inner, Visit
from sandbox.rules import FailNext
from sandbox.sessions import CounterBook, Counters, Sessions
from sandbox.state import StateFile


def company_without_latency() -> Company:
    request = CompanyRequest(seed=1, jobs=1, shifts=0, anchor_date=date(2026, 6, 17))
    company = Directory(StateFile(None)).open_or_create(request)
    company.switches.latency_ms = 0
    return company


async def good() -> Response:
    return PlainTextResponse("good")


def answered(company: Company, *more: Fault, path: str = "/api/x", connection: Connection | None = None) -> Any:
    visit = Visit(company, path, connection or PlainConnection())
    return asyncio.run(answer_through((*AROUND_REQUESTS, *more), visit, good))


def test_sessions_end_for_one_company_only() -> None:
    sessions = Sessions()
    mine, other = sessions.begin(1), sessions.begin(2)
    assert sessions.end_all(1) == 1
    assert (mine.is_over, other.is_over, sessions.end_all(1)) == (True, False, 0)
    assert sessions.find(mine.token) is mine
    assert sessions.find("") is None


def test_counters_measure_gap_and_overlap_by_the_clock() -> None:
    times = iter([10.0, 10.25, 10.35])
    counters = Counters(clock=lambda: next(times))
    with counters.counting("/api/jobsites/123"), counters.counting("/api/jobsites/4567"):
        pass
    with counters.counting("/apix/v2/JobCostingBudget"):
        pass
    report = counters.as_json()
    assert report["requests"] == {"/api/jobsites/{id}": 2, "/apix/v2/JobCostingBudget": 1}
    assert (report["most_in_flight"], report["smallest_gap_ms"]) == (2, 100.0)


def test_counters_come_down_again_after_an_error() -> None:
    counters = Counters()
    with pytest.raises(RuntimeError), counters.counting("/a"):
        raise RuntimeError
    with counters.counting("/a"):
        pass
    assert counters.most_in_flight == 1


def test_counter_book_keeps_companies_apart_and_forgets_on_reset() -> None:
    book = CounterBook()
    book.of(1).sign_ins_failed += 1
    assert (book.of(1).sign_ins_failed, book.of(None).sign_ins_failed) == (1, 0)
    book.reset(1)
    assert book.of(1).sign_ins_failed == 0


def test_first_matching_rule_with_times_left_fails_the_request() -> None:
    company = company_without_latency()
    company.switches.fail_next = [
        FailNext(path_contains="/api", status=500, times=0),
        FailNext(path_contains="/api", status=503, times=1),
        FailNext(path_contains="/api", status=502, times=1),
    ]
    assert [answered(company).status_code for _ in range(3)] == [503, 502, 200]


def test_added_fault_may_change_the_answer_it_wraps() -> None:
    class HalfBody:
        async def __call__(self, visit: Visit, inner: Inner) -> Response:
            assert visit.target == "/api/x"
            response = await inner()
            return PlainTextResponse(bytes(response.body)[: len(response.body) // 2])

    assert answered(company_without_latency(), HalfBody()).body == b"go"


def test_latency_is_waited_for_before_the_answer() -> None:
    waited: list[float] = []

    class Remembering(PlainConnection):
        async def sleep(self, seconds: float) -> None:
            waited.append(seconds)

    company = company_without_latency()
    company.switches.latency_ms = 40
    assert answered(company, connection=Remembering()).status_code == 200
    assert waited == [0.04]
