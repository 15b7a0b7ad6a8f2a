"""Shifts are asked for as Buildertrend's own page asks, where that is known; as captured where that is refused."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import httpx
import pytest

from producers.buildertrend.account import Account
from producers.buildertrend.answers import RefusedQueryError
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.recipes import Recipe
from producers.buildertrend.sign_in import Hosts, Session, SignInDetails
from tests.fakes import FakeClock, MemorySessions, ScriptedSource, enveloped_answer, json_answer

RECIPE = Recipe("/apix/v3/TimeClock/Grid?gridType=31", ("1", "77"), page_number_as="number")
PAGE = {"data": [{"id": 1}], "records": 1}
REFUSED = json_answer({}, 400)
ASK = (JobBatch([41, 42]), PageAsk(3))


class Rig:
    def __init__(self, *answers: httpx.Response | Exception, recipe: Recipe | None) -> None:
        self.source = ScriptedSource(answers)
        client = HttpClient(self.source.client(), FakeClock(), Limits(gap_ms=0), threading.Event(), random.Random(1))
        self.account = Account(
            client,
            hosts=Hosts("https://app.test", "https://login.test"),
            details=lambda: SignInDetails("ana", "pw"),
            sessions=MemorySessions(Session({}, "kept")),
            recipe=recipe,
        )

    def asked(self) -> list[tuple[str, Any]]:
        """(path, page's number) of each request."""
        return [
            (request.url.path, json.loads(request.content)["pagingData"]["pageNumber"])
            for request in self.source.requests
        ]


def test_account_without_a_recipe_asks_as_captured() -> None:
    rig = Rig(enveloped_answer(PAGE), recipe=None)
    rig.account.shifts(*ASK)
    assert rig.asked() == [("/api/TimeClock/Grid", "3")]


def test_account_with_a_recipe_asks_as_the_page_for_our_jobs() -> None:
    rig = Rig(enveloped_answer(PAGE), recipe=RECIPE)
    rig.account.shifts(*ASK)
    assert rig.asked() == [("/apix/v3/TimeClock/Grid", 3)]
    (request,) = rig.source.requests
    body = json.loads(request.content)
    assert request.url.query == b"gridType=31"
    assert body["jobIds"] == [41, 42]
    assert "77" in body["gridRequest"]["selectedColumns"]


def test_account_whose_recipe_is_refused_asks_as_captured_from_then_on() -> None:
    rig = Rig(REFUSED, enveloped_answer(PAGE), enveloped_answer(PAGE), recipe=RECIPE)
    for _ in range(2):
        rig.account.shifts(*ASK)
    assert [number for _, number in rig.asked()] == [3, "3", "3"]


def test_account_whose_recipe_worked_takes_a_refusal_for_one_of_the_list_of_jobs() -> None:
    rig = Rig(enveloped_answer(PAGE), REFUSED, recipe=RECIPE)
    rig.account.shifts(*ASK)
    with pytest.raises(RefusedQueryError):
        rig.account.shifts(*ASK)
    assert len(rig.asked()) == 2


def test_account_that_is_refused_either_way_says_so_and_keeps_its_recipe() -> None:
    rig = Rig(REFUSED, REFUSED, enveloped_answer(PAGE), recipe=RECIPE)
    with pytest.raises(RefusedQueryError):
        rig.account.shifts(*ASK)
    rig.account.shifts(*ASK)
    assert [number for _, number in rig.asked()] == [3, "3", 3]
