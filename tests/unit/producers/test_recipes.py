"""How the page asks for shifts is kept and used; what belongs to people, or leaves rows out, is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.buildertrend.recipes import NoRecipeError, Recipe, differences, recipe_of

URL = "https://buildertrend.net/api/TimeClock/Grid?gridType=29"
ALL_TIME = {"SelectedValue": 2147483647, "StartDate": None, "EndDate": None}


def recorded(**changes: Any) -> dict[str, Any]:
    """A page's own request, with what a person had chosen in it."""
    return {
        "gridRequest": {
            "hideMultiJobsColumns": True,
            "selectedColumns": ["1", "2", "51"],
            "sortColumn": "2",
            "sortDirection": "desc",
            "hasFooter": True,
            "emptyStateEntity": 19,
            "savedViewId": 88123,
        },
        "pagingData": {"pageNumber": 3, "pageSize": 50, "firstRow": 101, "lastRow": 150, "resetScroll": True},
        "filters": json.dumps({"12": json.dumps({"SelectedValue": 7, "StartDate": "2026-01-05", "EndDate": None})}),
        "jobIds": [9001234, 9001235],
        "includeGeneralJobItems": True,
        **changes,
    }


def recipe(*, newest_first: bool = True, url: str = URL, **changes: Any) -> Recipe:
    return recipe_of(url, json.dumps(recorded(**changes)).encode(), newest_first=newest_first)


# What we ask ourselves: page 7 of these jobs.
OURS: dict[str, Any] = {
    "gridRequest": {
        "hideMultiJobsColumns": False,
        "selectedColumns": ["1", "2", "11", "3"],
        "sortColumn": "1",
        "sortDirection": "desc",
        "hasFooter": False,
        "emptyStateEntity": 19,
        "savedViewId": -1,
    },
    "pagingData": {"pageNumber": "7", "pageSize": 200, "resetScroll": False, "firstRow": 1201, "lastRow": 1400},
    "filters": json.dumps({"12": json.dumps(ALL_TIME)}),
    "jobIds": [41, 42],
    "includeGeneralJobItems": True,
}


def asked(found: Recipe) -> dict[str, Any]:
    return found.over(OURS)


def test_recipe_of_a_page_is_asked_with_our_page_and_the_pages_form() -> None:
    body = asked(recipe())
    assert body["pagingData"]["pageNumber"] == 7
    assert (body["pagingData"]["pageSize"], body["pagingData"]["firstRow"]) == (200, 1201)
    assert body["pagingData"]["resetScroll"] is True
    assert (body["gridRequest"]["sortColumn"], body["gridRequest"]["sortDirection"]) == ("2", "desc")
    assert body["gridRequest"]["hideMultiJobsColumns"] is True
    assert body["jobIds"] == [41, 42]


def test_recipe_shows_the_columns_that_somebody_hid_too() -> None:
    columns = asked(recipe())["gridRequest"]["selectedColumns"]
    assert columns[:3] == ["1", "2", "51"]
    assert set(columns) >= set(OURS["gridRequest"]["selectedColumns"])


def test_recipe_of_other_column_numbers_asks_for_those_alone() -> None:
    grid = recorded()["gridRequest"] | {"selectedColumns": ["901", "902"]}
    assert asked(recipe(gridRequest=grid))["gridRequest"]["selectedColumns"] == ["901", "902"]


def test_recipe_asks_for_all_time_whatever_days_the_page_showed() -> None:
    assert json.loads(json.loads(asked(recipe())["filters"])["12"]) == ALL_TIME


def test_recipe_without_rows_newest_first_keeps_our_order() -> None:
    grid = asked(recipe(newest_first=False))["gridRequest"]
    assert (grid["sortColumn"], grid["sortDirection"]) == ("1", "desc")


@pytest.mark.parametrize("chosen", ["7700001", "7700001,7700002", "Ana Diaz", "1,2", 7700001, ["1"], {"a": 1}, True])
def test_recipe_never_keeps_a_filter_that_leaves_rows_out(chosen: Any) -> None:
    found = recipe(filters=json.dumps({"5": chosen, "6": "", "8": None}))
    assert found.left_out == ("5",)
    assert json.loads(asked(found)["filters"]) == {"6": "", "8": None}


def test_recipe_with_a_list_to_choose_from_is_no_date_filter() -> None:
    chosen = json.dumps({"SelectedValue": 7700001})
    assert recipe(filters=json.dumps({"5": chosen})).left_out == ("5",)


def test_recipe_never_asks_by_a_saved_view() -> None:
    assert asked(recipe())["gridRequest"]["savedViewId"] == -1


def test_recipe_keeps_filters_as_an_object_where_the_page_sends_one() -> None:
    assert asked(recipe(filters={"6": ""}))["filters"] == {"6": ""}


def test_recipe_keeps_nothing_of_jobs_people_or_searches() -> None:
    found = recipe(searchText="Maple Street", builderName="Acme", userIds=[7700001], ownerId=7700002)
    kept = json.dumps(found.as_json())
    for value in ("Maple", "Acme", "7700001", "7700002", "9001234", "88123", "2026"):
        assert value not in kept


@pytest.mark.parametrize(
    "url",
    [
        "https://buildertrend.net/api/Users/Delete",
        "https://buildertrend.net/api/TimeClock/Grid/../../Users/Delete",
        "https://buildertrend.net/api/TimeClock/Grid?name=Acme",
        "https://buildertrend.net/api/TimeClock/GridX",
        "https://buildertrend.net/api/TimeClock/Grid?gridType=29%0a",
        "https://[buildertrend/api/TimeClock/Grid?gridType=29",
    ],
)
def test_recipe_of_another_address_is_refused(url: str) -> None:
    with pytest.raises(NoRecipeError, match="another address"):
        recipe(url=url)


@pytest.mark.parametrize(
    "changes",
    [
        {"gridRequest": None},
        {"gridRequest": {"selectedColumns": []}},
        {"gridRequest": {"selectedColumns": ["1"] * 201}},
        {"gridRequest": {"selectedColumns": ["Ana Diaz"]}},
        {"pagingData": {}},
        {"pagingData": {"pageNumber": "first"}},
        {"filters": "[]"},
        {"filters": "{"},
        {"filters": json.dumps({"user": ""})},
        {"filters": 7},
    ],
)
def test_recipe_of_an_odd_request_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NoRecipeError):
        recipe(**changes)


def test_recipe_survives_being_stored() -> None:
    found = recipe()
    assert Recipe.from_json(found.as_json()) == found
    with pytest.raises(NoRecipeError):
        Recipe.from_json(found.as_json() | {"address": "/api/Users/Delete"})
    with pytest.raises(NoRecipeError):
        Recipe.from_json({})


def test_differences_name_the_parts_in_words() -> None:
    other = recipe(pagingData=recorded()["pagingData"] | {"pageNumber": "3"}, url=URL.replace("29", "31"))
    assert differences(recipe(), other) == ["its address", "how pages are numbered"]
    assert differences(recipe(), recipe()) == []


def test_another_page_other_jobs_and_days_are_the_same_recipe() -> None:
    other = recipe(
        jobIds=[1],
        pagingData=recorded()["pagingData"] | {"pageNumber": 9, "pageSize": 100},
        filters=json.dumps({"12": json.dumps(ALL_TIME)}),
    )
    assert other == recipe()


_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


@given(changed=st.fixed_dictionaries({}, optional=dict.fromkeys(recorded(), _ODD)), text=st.binary(max_size=40))
def test_recipe_of_anything_is_one_or_is_refused(changed: dict[str, Any], text: bytes) -> None:
    for body in (json.dumps(recorded(**changed)).encode(), text):
        try:
            found = recipe_of(URL, body, newest_first=True)
        except NoRecipeError:
            continue
        asked(found)
        assert Recipe.from_json(found.as_json()) == found
