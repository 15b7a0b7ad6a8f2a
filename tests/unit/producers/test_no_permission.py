"""A lack of permission names the module as Buildertrend's settings call it, whichever way it is answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from producers.buildertrend import faults
from producers.buildertrend.account import Account
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.faults import SourceFaultError
from schemas.faults import NO_PERMISSION
from tests.fakes import enveloped_answer, json_answer
from tests.unit.producers.test_account import OLD, Rig

READS: dict[str, tuple[Callable[[Account], object], str]] = {
    "account": (lambda account: account.identity(), "its own account information"),
    "jobs": (lambda account: account.picker_jobs(), "Jobs"),
    "job list": (lambda account: account.listed_jobs(), "Jobs"),
    "shifts": (lambda account: account.shifts(JobBatch(), PageAsk(1)), "the Time Clock"),
    "cost codes": (lambda account: account.cost_codes(7), "Cost Codes"),
    "budget": (lambda account: account.budget_categories(7), "the Budget of jobs"),
    "worksheet": (lambda account: account.worksheet_groups(7), "Estimates"),
}
ANSWERS = {
    "403 that stays": lambda: httpx.Response(403, text="Forbidden"),
    "access": lambda: json_answer(
        {"success": False, "message": "You do not have access to this feature", "data": None}
    ),
    "permission": lambda: json_answer({"success": False, "message": "Insufficient permissions.", "data": None}),
    "authorized": lambda: json_answer({"success": False, "message": "You are not authorized to view this page"}),
    "denied": lambda: json_answer({"success": False, "message": "Access is denied."}),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("read", READS)
def test_lack_of_permission_names_the_module(read: str, answer: str) -> None:
    ask, module = READS[read]
    first = [enveloped_answer({"builderId": 60001})] if read == "jobs" else []
    rig = Rig(*first, *(ANSWERS[answer]() for _ in range(9)), session=OLD)
    with pytest.raises(SourceFaultError) as raised:
        ask(rig.account)
    assert raised.value.fault is NO_PERMISSION
    assert raised.value.for_admin == f"This Buildertrend user may not see {module}."


@pytest.mark.parametrize("message", ["Could not access the database", "Something went wrong", ""])
def test_other_complaints_are_no_lack_of_permission(message: str) -> None:
    rig = Rig(*(json_answer({"success": False, "message": message, "data": None}) for _ in range(9)), session=OLD)
    with pytest.raises(SourceFaultError) as raised:
        rig.account.worksheet_groups(7)
    assert raised.value.fault is not NO_PERMISSION


def test_every_read_of_the_account_has_a_module() -> None:
    source = (Path(faults.__file__).parent / "account.py").read_text()
    asked = set(re.findall(r'what="([a-z ]+)"', source))
    assert asked >= set(READS)
    assert asked <= faults.MODULES.keys()
