"""The control API: edits are seen on the wire at once, and contradictory ones are refused with a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.client import ControlError, SandboxControl
from tests.contract.sandbox.wire import Site


def row(site: Site, shift_id: int) -> Any:
    return next((row for row in site.shifts()["data"] if row["id"] == shift_id), None)


def test_create_company_twice_gives_the_same_one_with_its_edits(site: Site) -> None:
    company = site.control.company
    job = site.control.listed("jobs")[1]
    site.control.rename_job(job["id"], "Renamed")
    again = site.control.create_company(seed=company["seed"], jobs=12, shifts=150)
    assert again.company == company
    assert again.record("jobs", job["id"])["name"] == "Renamed"


def test_create_company_with_own_credentials_signs_in_with_them(site: Site) -> None:
    seed = site.control.company["seed"]
    made = site.control.create_company(
        seed=seed,
        jobs=3,
        shifts=9,
        name="Acme",
        username=f"acme{seed}@x.example",
        password="pw",
        time_zone="America/Chicago",
    )
    other = Site(site.base_url, site.sender, made).sign_in()
    assert other.data("GET", "/api/AccountInfo/GlobalInfo")["builderName"] == "Acme"
    assert made.company["time_zone"] == "America/Chicago"


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"jobs": -1}, "jobs"),
        ({"sede": 1}, "sede"),
        ({"shifts": "x"}, "shifts"),
    ],
)
def test_create_company_with_a_wrong_field_names_it(site: Site, wanted: dict[str, Any], word: str) -> None:
    with pytest.raises(ControlError, match=word):
        site.control.create_company(**wanted)


def test_username_of_another_company_is_refused(site: Site) -> None:
    other = site.control.create_company(seed=site.control.company["seed"], jobs=2, shifts=1)
    with pytest.raises(ControlError, match="belongs to another company"):
        other.change_company(username=site.control.company["username"])


def test_unknown_company_is_404(site: Site) -> None:
    with pytest.raises(ControlError, match="no company"):
        SandboxControl(site.base_url, builder_id=1, sender=site.sender).summary()


def test_edit_shift_changes_its_row_and_marks_it_edited(signed_in: Site) -> None:
    shift = signed_in.control.listed("shifts", limit=40)[-1]
    changed = signed_in.control.edit_shift(shift["id"], time_in="2026-06-03T07:00", time_out="2026-06-03T12:00",
                                           break_minutes=0, overtime_minutes=0, is_approved=True)  # fmt: skip
    seen = row(signed_in, shift["id"])
    assert changed["regular_minutes"] == seen["regularTime"] == 300
    assert seen["approvalStatus"]["isApproved"] is True
    assert signed_in.control.record("shifts", shift["id"])["was_edited"] is True


def test_edit_shift_notes_leaves_its_minutes_alone(signed_in: Site) -> None:
    shift = signed_in.control.listed("shifts", limit=40)[-1]
    changed = signed_in.control.edit_shift(shift["id"], notes="Señor O'Brien 👍")
    assert changed["regular_minutes"] == shift["regular_minutes"]
    assert row(signed_in, shift["id"])["notes"] == "Señor O'Brien 👍"


def test_close_open_shift_gives_it_minutes(signed_in: Site) -> None:
    shift = signed_in.control.listed("shifts", open="true")[0]
    day = shift["time_in"][:10]
    signed_in.control.edit_shift(shift["id"], time_in=f"{day}T07:00", time_out=f"{day}T15:30", break_minutes=30)
    assert row(signed_in, shift["id"])["regularTime"] == 480


def test_delete_shift_takes_its_row_away_and_its_id_is_never_given_again(signed_in: Site) -> None:
    control = signed_in.control
    user_id = control.listed("users")[0]["id"]
    first = control.add_shift(job_id=0, user_id=user_id, time_in="2026-06-01T07:00")
    control.delete_shift(first["id"])
    assert row(signed_in, first["id"]) is None
    second = control.add_shift(job_id=0, user_id=user_id, time_in="2026-06-01T07:00")
    assert second["id"] > first["id"]
    with pytest.raises(ControlError, match="no shift"):
        control.record("shifts", first["id"])


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"job_id": 5}, "no job 5"),
        ({"user_id": 5}, "no user 5"),
        ({"cost_code_ids": [5]}, "no cost code 5"),
        ({"time_in": "2026-06-01T07:00Z"}, "without a zone"),
        ({"time_in": "yesterday"}, "time_in"),
        ({"time_out": "2026-06-01T06:00"}, "before it begins"),
        ({"time_out": "2026-06-01T08:00", "break_minutes": 90}, "longer than the shift"),
        ({"rate": "a lot"}, "rate"),
        ({"nots": "x"}, "nots"),
    ],
)
def test_add_shift_that_makes_no_sense_is_refused_with_the_reason(
    site: Site, values: dict[str, Any], word: str
) -> None:
    user_id = site.control.listed("users")[0]["id"]
    with pytest.raises(ControlError, match=word):
        site.control.add("shifts", **{"job_id": 0, "user_id": user_id, "time_in": "2026-06-01T07:00", **values})
    assert site.control.summary()["time_entries"] == 150


def test_minutes_of_codes_are_stated_for_each_code(site: Site) -> None:
    user_id, code_id = site.control.listed("users")[0]["id"], site.control.listed("cost-codes")[0]["id"]
    wanted = {"job_id": 0, "user_id": user_id, "time_in": "2026-06-01T07:00", "cost_code_ids": [code_id]}
    with pytest.raises(ControlError, match="2 cost codes"):
        site.control.add_shift(**wanted, is_flat_rate=True, cost_code_minutes=[30])
    made = site.control.add_shift(
        **wanted, time_out="2026-06-01T08:27", is_flat_rate=True, cost_code_minutes=[43.5, 43.5]
    )
    assert made["cost_code_minutes"] == [43.5, 43.5]
    shorter = site.control.edit_shift(made["id"], time_out="2026-06-01T08:00")
    assert shorter["cost_code_minutes"] == [30, 30]


def test_list_shifts_filters_by_job_day_open_and_text(site: Site) -> None:
    shifts = site.control.listed("shifts", limit=1000)
    sample = shifts[-1]
    day = sample["time_in"][:10]
    assert {one["job_id"] for one in site.control.listed("shifts", job_id=sample["job_id"])} == {sample["job_id"]}
    assert {one["time_in"][:10] for one in site.control.listed("shifts", **{"from": day, "to": day})} == {day}
    assert all(one["time_out"] is None for one in site.control.listed("shifts", open="true"))
    assert sample["id"] in {
        one["id"] for one in site.control.listed("shifts", text=sample["user_name"].upper(), limit=1000)
    }
    assert site.control.listed("shifts", limit=5, offset=5) == shifts[5:10]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"offset": -1}, {"job_id": "x"}])
def test_list_with_a_wrong_query_is_refused(site: Site, query: dict[str, Any]) -> None:
    with pytest.raises(ControlError):
        site.control.listed("shifts", **query)


def test_rename_job_is_seen_in_jobs_and_in_shift_rows(signed_in: Site) -> None:
    job_id = next(one["job_id"] for one in signed_in.control.listed("shifts") if one["job_id"])
    signed_in.control.rename_job(job_id, "Tighe Garage II")
    assert "Tighe Garage II" in {job["jobName"] for job in signed_in.jobs()}
    assert {one["jobName"] for one in signed_in.shifts()["data"] if one["jobId"] == job_id} == {"Tighe Garage II"}


def test_close_job_sets_status_and_closed_flag(signed_in: Site) -> None:
    job = signed_in.control.add("jobs", name="Marsh Barn", opened_on="2026-05-01", contract="$12,500.50")
    assert job["contract"] == 12500.5
    signed_in.control.close_job(job["id"])
    seen = next(one for one in signed_in.jobs() if one["jobId"] == job["id"])
    assert (seen["status"], seen["isClosed"], seen["dateOpened"]) == (0, True, "2026-05-01T00:00:00")


def test_job_may_be_closed_by_flag_only(site: Site) -> None:
    job = site.control.add("jobs", name="Odd", status=0, is_closed=False)
    assert (job["status"], job["is_closed"]) == (0, False)


def test_delete_job_takes_its_shifts_and_budget_along(signed_in: Site) -> None:
    lines = signed_in.control.listed("budget-lines", limit=1000)
    with_shifts = {one["job_id"] for one in signed_in.control.listed("shifts", limit=1000)}
    job_id = next(line["job_id"] for line in lines if line["job_id"] in with_shifts)
    signed_in.control.delete("jobs", job_id)
    assert job_id not in {one["jobId"] for one in signed_in.shifts()["data"]}
    assert signed_in.budget(job_id) == []
    assert signed_in.control.summary()["jobs"] == 11


def test_general_job_cannot_be_deleted(site: Site) -> None:
    with pytest.raises(ControlError, match="General"):
        site.control.delete("jobs", 0)


def test_user_with_shifts_cannot_be_deleted_but_made_inactive(site: Site) -> None:
    user_id = site.control.listed("shifts")[0]["user_id"]
    with pytest.raises(ControlError, match="inactive"):
        site.control.delete("users", user_id)
    assert site.control.edit("users", user_id, is_active=False)["is_active"] is False
    made = site.control.add("users", first_name="Ana", last_name="Diaz", labor_cost="$42.00")
    assert (made["name"], made["labor_cost"]) == ("Ana Diaz", 42.0)
    site.control.delete("users", made["id"])


def test_renamed_cost_code_is_seen_in_shifts_and_budgets(signed_in: Site) -> None:
    shift = next(one for one in signed_in.control.listed("shifts", limit=1000) if len(one["cost_code_ids"]) == 1)
    signed_in.control.edit("cost-codes", shift["cost_code_ids"][0], name="Renamed Work")
    assert row(signed_in, shift["id"])["costCodes"][0]["costCodeTitle"].endswith(" Renamed Work")


def test_cost_codes_cannot_be_deleted(site: Site) -> None:
    with pytest.raises(ControlError, match="no deletion"):
        site.control.delete("cost-codes", site.control.listed("cost-codes")[0]["id"])


def test_budget_line_edits_are_seen_and_a_second_line_for_the_pair_is_refused(signed_in: Site) -> None:
    line = signed_in.control.listed("budget-lines")[0]
    before = signed_in.control.summary()["budgets"]
    signed_in.control.edit("budget-lines", line["id"], original="$1,234.56")
    seen = next(one for one in signed_in.budget(line["job_id"]) if one["id"] == line["cost_code_id"])
    assert seen["originalBudgetCosts"] in (1234.56, {"value": 1234.56, "scale": 2})
    with pytest.raises(ControlError, match="already"):
        signed_in.control.add("budget-lines", job_id=line["job_id"], cost_code_id=line["cost_code_id"], original=5)
    signed_in.control.delete("budget-lines", line["id"])
    assert signed_in.control.summary()["budgets"] == before - 1
    made = signed_in.control.add("budget-lines", job_id=line["job_id"], cost_code_id=line["cost_code_id"], original=5)
    assert (made["revised"], made["projected"]) == (5.0, 5.0)


def test_switches_change_only_what_is_stated(site: Site) -> None:
    before = site.control.switches()
    after = site.control.set_switches(users_endpoint="404")
    assert after == {**before, "users_endpoint": "404"}


@pytest.mark.parametrize(
    "switches", [{"users_endpoint": "503"}, {"no_such": 1}, {"session_calls": 0}, {"fail_next": [{}]}]
)
def test_switches_that_do_not_exist_are_refused(site: Site, switches: dict[str, Any]) -> None:
    before = site.control.switches()
    with pytest.raises(ControlError):
        site.control.set_switches(**switches)
    assert site.control.switches() == before


def test_body_that_is_no_json_is_refused(site: Site) -> None:
    answer = site.send("POST", "/sandbox/api/companies", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, {"error": "The body is not JSON."})


def test_body_of_another_content_type_is_refused(site: Site) -> None:
    answer = site.send("POST", "/sandbox/api/companies", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 400


def test_unknown_control_path_and_method_answer_in_json(site: Site) -> None:
    assert site.send("GET", "/sandbox/api/nothing").json()["error"].startswith("Not Found")
    assert site.send("PUT", "/sandbox/api/companies").status_code == 405
