"""Any answer of a source, through the adapter and a run: a named fault or a run that ends, nothing else.

20 seconds usually, 10 minutes with `make soak`.
"""

from __future__ import annotations

import json
import tracemalloc
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control.runs import NewRun
from producers.buildertrend.account import Account
from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.plan import ALL_JOBS, NoMemory, Scope, planned_reads
from producers.buildertrend.sign_in import Hosts, Session, SignInDetails
from producers.runs.execute import execute
from producers.runs.run import Assignment, Run, RunServices
from tests.factories import shift_on
from tests.fakes import FakeClock, MemoryEvents, MemoryPublisher, MemorySessions
from tests.memory_ledger import CompanyMemory
from tests.soak import fuzz
from tests.unit.producers.test_refused_rows import ENCODERS

ODD: list[Any] = [
    None, True, False, 0, -1, 7.5, "", "480", "x" * 40_000, 2**31, 2**40, 2**63, 2**70, 10**25, -(2**70), [], {}, [[]],
    {"value": None}, {"value": {"value": 1}}, {"name": "x"}, "\x00", "\ud83d", "Núñez", "2026-06-12T08:00:00",
    "9999-12-31T23:59:59", "0001-01-01", "99999-01-01", "NaN", "1e999999999", [None] * 2_000,
    {"a": {"b": [1, {"c": 2}]}},
]  # fmt: skip
RAW = ["1" * 5_000, "1e999999999", "1e-999999999", "1E99999999999999999999", "-0.0", "[" * 5_000 + "]" * 5_000, "NaN"]


class Verbatim(str):
    """JSON text to be put into the answer verbatim."""


VALUES = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from(RAW).map(Verbatim),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=6,
    ),
)

ANSWERS: dict[str, Any] = {
    "/api/AccountInfo/GlobalInfo": {"success": True, "data": {"builderId": 1, "builderName": "x"}},
    "/api/jobpicker/GetJobPickerData": {
        "success": True, "data": {"jobs": [{"jobId": n, "jobName": "j", "status": 1} for n in (5, 6, 7, 8)]}
    },
    "/api/jobpicker/GetExistingJobList": {"success": True, "data": [{"jobID": 5, "jobNumber": "1", "street": "s"}]},
    "/api/Filters/33": {"success": True, "data": {"options": {"users": [{"id": n, "name": "u"} for n in range(4)]}}},
    "/api/TimeClock/Grid": {
        "success": True,
        "data": {"data": [shift_on("2026-06-12", n) for n in range(6)], "totalPages": 1, "records": 6},
    },
    "/apix/v2/JobCostingBudget": {
        "costCategories": [{"title": "A", "costCodes": [{"id": 1, "title": "01", "originalBudgetCosts": 5}]}]
    },
    "/apix/v2/JobCostingBudget/budget-cost-codes": {"costCodesWithBudget": [{"id": 1, "title": "01"}]},
}  # fmt: skip
WORKSHEET = {"success": True, "data": {"formatData": [{"lineItems": [
    {"id": 1, "lineItemType": 10, "costCodeTitle": "01", "unit": "HR", "quantity": 8}], "subGroups": []}]}}  # fmt: skip


def text_of(node: Any) -> str:
    """JSON with verbatim parts; lone surrogates as JSON escapes them."""
    if isinstance(node, Verbatim):
        return str(node)
    if isinstance(node, dict):
        return "{" + ",".join(f"{json.dumps(str(key))}:{text_of(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(text_of, node)) + "]"
    return str(node) if isinstance(node, Decimal) else json.dumps(node)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside an answer."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def changed_at(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The answer with another value at a path."""
    if not path:
        return value
    key, *rest = path
    copy: Any = dict(node) if isinstance(node, dict) else list(node)
    copy[key] = changed_at(node[key], tuple(rest), value)
    return copy


PLACES = {name: places(answer) for name, answer in (ANSWERS | {"/worksheet": WORKSHEET}).items()}
CHANGES = st.sampled_from(sorted(PLACES)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(PLACES[name]), VALUES)
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Encoding": st.sampled_from(["gzip", "gzip, gzip", "br", "deflate", "identity", "x"]),
        "Content-Type": st.sampled_from(["application/json; charset=utf-16", "text/html; charset=zip", "x" * 500]),
        "Retry-After": st.sampled_from(["Fri, 31 Dec 9999 23:59:59 GMT", "-1", "1e9", "99999999999", "NaN"]),
        "Location": st.sampled_from(["/app/error", "http://[", "//", "/maintenance"]),
        "Set-Cookie": st.text("ab=;, ", max_size=20),
    },
)
STATUSES = st.sampled_from([200] * 12 + [204, 302, 401, 403, 404, 418, 429, 500, 503])


def test_whatever_a_source_answers_is_a_named_fault_or_a_run_that_ends() -> None:
    fuzz(answers_end_a_run)


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    changes=st.lists(CHANGES, min_size=1, max_size=4),
    trouble=st.none() | st.tuples(st.sampled_from(sorted(PLACES)), STATUSES, HEADERS),
    signed_in=st.booleans(),
    token=st.sampled_from(["t", "tok€n", "two words", "", None, {"a": 1}, "x" * 9_000]),
)
def answers_end_a_run(
    *, changes: list[tuple[str, tuple[Any, ...], Any]], trouble: Any, signed_in: bool, token: Any
) -> None:
    answers: dict[str, Any] = ANSWERS | {"/worksheet": WORKSHEET}
    for name, path, value in changes:
        try:
            answers[name] = changed_at(answers[name], path, value)
        except (KeyError, IndexError, TypeError):
            # An earlier change took that place away.
            continue

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/api/Login/AjaxLogin":
            return httpx.Response(200, json={"success": True, "data": {"Token": token}})
        name = "/worksheet" if path.startswith("/api/Proposals/") else path
        status, headers = trouble[1:] if trouble and trouble[0] == name else (200, {})
        body = text_of(answers[name]).encode() if name in answers else b""
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    memory, clock, publisher = CompanyMemory("c1"), FakeClock(), MemoryPublisher()
    sessions = MemorySessions(Session({}, "old") if signed_in else None)
    for _ in range(2):
        # Twice: what the first run left behind must not make the second one end in anything else.
        _run(memory, clock, publisher, sessions, answer)
        clock.instant += timedelta(days=2)
    assert not any(b"latitude" in (message.value or b"") for message in publisher.messages)


def _run(
    memory: CompanyMemory, clock: FakeClock, publisher: MemoryPublisher, sessions: MemorySessions, answer: Any
) -> None:
    client = HttpClient(httpx.Client(transport=httpx.MockTransport(answer)), clock, Limits(gap_ms=0))
    account = Account(
        client,
        hosts=Hosts("https://app.test", "https://login.test"),
        details=lambda: SignInDetails("ana", "pw"),
        sessions=sessions,
    )
    ledger = memory.begin(NewRun("full", {}), clock.now())
    run = Run(
        Assignment(ledger.run, "America/Denver", "CREATE", whole=True),
        RunServices(ledger, publisher, MemoryEvents(), ENCODERS, clock, _at_once),
    )
    tracemalloc.start()
    try:
        account.identity()
        execute(run, planned_reads(account, Scope(ALL_JOBS, None), NoMemory()))
        memory.finish("completed")
    except SourceFaultError:
        memory.finish("failed")
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 100_000_000


def _at_once(work: Any) -> Any:
    work()
    return lambda: None
