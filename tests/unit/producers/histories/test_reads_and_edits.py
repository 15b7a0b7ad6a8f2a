"""Any mix of edits, faults and crashes, at any page and any commit: topics end up as the source is and invent nothing.

The seeds are those of the test's cases, so a history that failed comes again with its case.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from sandbox.errors import SandboxError
from tests.soak import rounds
from tests.unit.producers.histories.world import day_text, new_world

Edit = tuple[str, int, int]

EDITS: st.SearchStrategy[Edit] = st.tuples(
    st.sampled_from(
        [
            "insert shift", "edit shift", "delete shift", "move shift", "other job", "rename job", "insert job",
            "close job", "delete job", "edit user", "insert user", "delete user", "budget", "drop budget", "new budget",
        ]
    ),
    st.integers(0, 50),
    st.integers(0, 60),
)  # fmt: skip
PATHS = ("TimeClock", "Filters", "jobpicker", "JobCostingBudget", "Worksheet", "AccountInfo")
TROUBLES = st.sampled_from(
    [
        {"fail_next": [{"path_contains": path, "status": status, "times": times}]}
        for path, status, times in itertools.product(PATHS, (429, 500, 502), (1, 9))
    ]
    + [
        {"spoil_next": [{"path_contains": path, "how": how}]}
        for path, how in itertools.product(PATHS, ("html", "truncated", "empty", "reset"))
    ]
)
ENTITIES = ("jobs", "time-entries", "budgets", "users", "cost-codes")
LIES = st.sampled_from(
    [
        {"missing_rows": [{"entity": entity, "which": which}]}
        for entity, which in itertools.product(
            ("jobs", "time-entries", "budgets", "users", "cost-codes"), ("all", "half")
        )
    ]
    + [{"missing_rows": [{"entity": entity, "which": "last-page"}]} for entity in ("time-entries",)]
)
# The totals tell that rows are missing: no read may take them for gone.
PAGING = st.sampled_from(
    [
        {"paging": [{"entity": entity, "fault": fault, "by": by}]}
        for entity, (fault, by) in itertools.product(
            ("time-entries",), (("shifted", 2), ("shifted", -2), ("repeated", 1), ("repeated", 2), ("short", 1))
        )
    ]
)
MODULES = st.sampled_from(["filters", "budgets", "worksheets", "cost_codes"])
SOON = st.integers(0, 25)


class Histories(RuleBasedStateMachine):
    """Rules prepare what happens during the next read, or read; every history ends on a healthy source."""

    def __init__(self) -> None:
        super().__init__()
        self.world = new_world()

    @initialize(reads=st.booleans(), commits_late=st.booleans())
    def read_first(self, *, reads: bool, commits_late: bool) -> None:
        self.world.commits_late = commits_late
        if reads:
            self.world.read()

    @rule(edits=st.lists(EDITS, min_size=1, max_size=4))
    def edit(self, edits: list[Edit]) -> None:
        for one in edits:
            self._edit(one)

    @rule(after=SOON, one=EDITS)
    def edit_during_the_read(self, after: int, one: Edit) -> None:
        self.world.trouble(after, lambda: self._edit(one))

    @rule(edits=st.lists(EDITS, min_size=2, max_size=30))
    def edit_between_all_requests(self, edits: list[Edit]) -> None:
        for number, one in enumerate(edits):
            self.world.trouble(number, partial(self._edit, one))

    @rule(after=SOON, paging=PAGING)
    def pages_that_leave_rows_out(self, after: int, paging: dict[str, Any]) -> None:
        self.world.trouble(after, lambda: self.world.company.set_switches(**paging))

    @rule(after=SOON, lie=LIES, lasts=st.integers(1, 4))
    def lie(self, after: int, lie: dict[str, Any], lasts: int) -> None:
        (switch,) = lie
        self.world.disturb(after, lambda: self.world.company.set_switches(**lie))
        for later in range(1, lasts):
            # One that lasts may mislead a read and its second look.
            self.world.disturb(after + later, lambda: None)
        self.world.trouble(after + lasts, lambda: self.world.company.heal(switch))

    @rule(after=SOON, trouble=TROUBLES)
    def trouble(self, after: int, trouble: dict[str, Any]) -> None:
        self.world.trouble(after, lambda: self.world.company.set_switches(**trouble))

    @rule(after=SOON, signal=st.sampled_from(["relogin", "401", "302", "html"]))
    def end_of_session(self, after: int, signal: str) -> None:
        self.world.company.set_switches(session_end_signal=signal)
        self.world.trouble(after, lambda: _ignored(self.world.company.end_sessions()))

    @rule(
        endpoint=st.sampled_from(["filters", "budgets", "worksheets", "cost_codes"]),
        status=st.sampled_from(["404", "500", "ok"]),
    )
    def module(self, endpoint: str, status: str) -> None:
        self.world.company.set_switches(**{f"{endpoint}_endpoint": status})

    @rule(which=st.integers(0, 3), job_list=st.sampled_from(["ok", "half", "empty"]))
    def parts_that_do_not_come(self, which: int, job_list: str) -> None:
        jobs = self.world.company.ids("jobs")
        self.world.company.set_switches(silent_jobs=jobs[which : which + 1], job_list=job_list)

    @rule(after=SOON)
    def crash_at_a_request(self, after: int) -> None:
        self.world.crash_at_request(after)

    @rule(after=st.integers(0, 40))
    def crash_at_a_commit(self, after: int) -> None:
        self.world.crash_at_commit(after)

    @rule()
    def read(self) -> None:
        self.world.read()

    @rule()
    def read_full(self) -> None:
        self.world.read_full()

    def teardown(self) -> None:
        self.world.settle()
        self.world.check_topics()
        before = self.world.topics.records
        self.world.read_full()
        assert self.world.topics.records == before, "A read of what was read already publishes nothing."
        self.world.close()

    def _edit(self, one: Edit) -> None:
        what, which, amount = one
        try:
            _EDITS[what](self.world.company, which, amount)
        except (SandboxError, IndexError):
            # No record of that kind is left, or this edit is not allowed: the history continues without it.
            return


def _ignored(_value: object) -> None:
    return None


def _pick(company: Any, kind: str, which: int, *, real: bool = False) -> int:
    ids = [one for one in company.ids(kind) if one or not real]
    if not ids:
        raise IndexError(kind)
    return int(ids[which % len(ids)])


def _insert_shift(company: Any, which: int, amount: int) -> None:
    company.insert(
        "shifts",
        job_id=_pick(company, "jobs", which),
        user_id=_pick(company, "users", which),
        time_in=day_text(amount),
    )


def _new_budget(company: Any, which: int, amount: int) -> None:
    job_id, code_id = _pick(company, "jobs", which, real=True), _pick(company, "cost-codes", amount)
    company.insert("budget-lines", job_id=job_id, cost_code_id=code_id, original=100 + amount)


_EDITS: dict[str, Callable[[Any, int, int], object]] = {
    "insert shift": _insert_shift,
    "edit shift": lambda c, w, a: c.edit("shifts", _pick(c, "shifts", w), notes=f"note {a}", is_approved=a % 2 == 0),
    "delete shift": lambda c, w, _: c.delete("shifts", _pick(c, "shifts", w)),
    "move shift": lambda c, w, a: c.move(_pick(c, "shifts", w), minutes=1440 * (a - 30)),
    "other job": lambda c, w, a: c.edit("shifts", _pick(c, "shifts", w), job_id=_pick(c, "jobs", a)),
    "rename job": lambda c, w, a: c.edit("jobs", _pick(c, "jobs", w, real=True), name=f"Job {a}"),
    "insert job": lambda c, _, a: c.insert("jobs", name=f"New {a}"),
    "close job": lambda c, w, a: c.edit("jobs", _pick(c, "jobs", w, real=True), status=a % 2),
    "delete job": lambda c, w, _: c.delete("jobs", _pick(c, "jobs", w, real=True)),
    "edit user": lambda c, w, a: c.edit("users", _pick(c, "users", w), first_name=f"Name {a}"),
    "insert user": lambda c, _, a: c.insert("users", first_name=f"New {a}"),
    "delete user": lambda c, w, _: c.delete("users", _pick(c, "users", w)),
    "budget": lambda c, w, a: c.edit("budget-lines", _pick(c, "budget-lines", w), original=a),
    "drop budget": lambda c, w, _: c.delete("budget-lines", _pick(c, "budget-lines", w)),
    "new budget": _new_budget,
}


@pytest.mark.parametrize("number", range(rounds(usual=6, soak=80)))
@pytest.mark.timeout(600)
def test_histories_end_as_the_source_is_and_never_delete_what_is_there(number: int) -> None:
    """25 histories a case; `make soak` runs 2,000."""

    @seed(number)
    class Seeded(Histories):
        pass

    run_state_machine_as_test(
        Seeded,
        settings=settings(
            max_examples=25,
            stateful_step_count=14,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
