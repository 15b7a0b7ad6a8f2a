"""Runs, commands and source state: an order that only grows, ids once, and ranges that mean what they say."""

from __future__ import annotations

from datetime import date

import pytest

from control.checkpoints import save_page
from control.commands import answer_commands, open_commands, put_command, start_commands
from control.connections import get_connection
from control.database import Database, migrate_control
from control.runs import NewRun, RunEnd, RunId, begin_run, finish_run, latest_runs, save_progress
from control.source_state import (
    Known,
    Published,
    PublishedCount,
    ReadRange,
    count_published,
    drop_published,
    known,
    put_published,
    unseen,
)
from core.errors import ConfigurationError, InvalidRecordError, RetriableError
from tests import factories
from tests.factories import command_body
from tests.integration.control.fix_companies import Office


def published(entity_id: str, *, day: date | None = None, parent: str | None = None) -> Published:
    return Published(entity_id, b"f" + entity_id.encode(), 1, day, parent)


def begin(office: Office, company_id: str) -> RunId:
    with office.database.transaction() as tx:
        return begin_run(tx, company_id, NewRun("recent", {})).run


def put(office: Office, company_id: str, entity: str, *records: Published) -> None:
    with office.database.transaction() as tx:
        put_published(tx, company_id, entity, records)


def test_begin_run_sequence_grows_by_one_a_company(office: Office) -> None:
    one, other = office.connect(), office.connect()
    runs = [begin(office, company_id) for company_id in (one, one, other, one)]
    assert [run.run_seq for run in runs] == [1, 2, 1, 3]
    assert runs[0].version(2**24 - 1) < runs[1].version(1)


def test_begin_run_closes_what_a_crash_left_open_with_its_pages(office: Office) -> None:
    company_id = office.connect()
    left = begin(office, company_id)
    with office.database.transaction() as tx:
        save_page(tx, left, entity="jobs", page=1, entity_ids=["1"])
    begin(office, company_id)
    with office.database.transaction() as tx:
        newest, older = latest_runs(tx, company_id, limit=5)
        assert (newest.state, older.state, older.finished_at is not None) == ("running", "failed", True)
        assert tx.execute("SELECT count(*) FROM integration.run_pages").fetchone() == (0,)


def test_begin_run_of_an_unknown_company_says_to_connect_it(office: Office) -> None:
    with pytest.raises(ConfigurationError, match="not connected"):
        begin(office, "nobody")


def test_finished_run_is_in_history_with_its_counts_and_no_pages(office: Office) -> None:
    company_id = office.connect()
    run = begin(office, company_id)
    counts = {"jobs": {"read": 3, "created": 1, "updated": 0, "deleted": 0, "unchanged": 2}}
    with office.database.transaction() as tx:
        save_page(tx, run, entity="jobs", page=1, entity_ids=["1", "2"])
        save_progress(tx, run, position=1, counts=counts)
        finish_run(tx, run, RunEnd("held", None, "Look at it.", counts))
        (summary,) = latest_runs(tx, company_id, limit=5)
        assert (summary.run_id, summary.state, summary.counts) == (run.run_id, "held", counts)
        assert tx.execute("SELECT count(*) FROM integration.run_pages").fetchone() == (0,)


def test_put_command_keeps_an_id_once_and_commands_in_order(office: Office) -> None:
    company_id = office.connect()
    bodies = [command_body(company_id=company_id, requested_by=str(number)) for number in range(3)]
    with office.database.transaction() as tx:
        assert [put_command(tx, body) for body in (*bodies, bodies[0])] == [True, True, True, False]
        assert [command.body for command in open_commands(tx, company_id)] == bodies
        assert open_commands(tx, factories.company_id()) == []


def test_put_command_id_in_another_case_is_the_same_command(office: Office) -> None:
    body = command_body(company_id=office.connect())
    with office.database.transaction() as tx:
        assert put_command(tx, body)
        assert not put_command(tx, body | {"command_id": body["command_id"].upper()})


def test_command_is_open_until_it_is_finished_also_while_it_runs(office: Office) -> None:
    company_id = office.connect()
    body = command_body(company_id=company_id)
    run = begin(office, company_id)
    with office.database.transaction() as tx:
        put_command(tx, body)
        start_commands(tx, [body["command_id"]], run.run_id)
        assert [command.command_id for command in open_commands(tx, company_id)] == [body["command_id"]]
        assert answer_commands(tx, [body["command_id"]], {"type": "completed"}) == [body["type"]]
        assert open_commands(tx, company_id) == []
        assert not put_command(tx, body)


def test_known_is_that_of_the_company_and_entity_alone(office: Office) -> None:
    put(office, "c1", "jobs", published("1"), published("2"))
    put(office, "c2", "jobs", Published("1", b"other", 1, None, None))
    put(office, "c1", "users", Published("1", b"user", 1, None, None))
    with office.database.transaction() as tx:
        assert known(tx, "c1", "jobs", ["1", "9"]) == {"1": Known(b"f1", None)}
        assert [count_published(tx, "c1", one, ReadRange()).all for one in ("jobs", "users", "budgets")] == [2, 1, 0]


def test_put_published_replaces_and_drop_forgets(office: Office) -> None:
    put(office, "c1", "jobs", published("1"), published("2"))
    put(office, "c1", "jobs", Published("1", b"new", 2, None, None))
    with office.database.transaction() as tx:
        drop_published(tx, "c1", "jobs", ["2"])
        assert known(tx, "c1", "jobs", ["1", "2"]) == {"1": Known(b"new", None)}


def missing(office: Office, run: RunId, entity: str, covered: ReadRange) -> tuple[list[str], PublishedCount]:
    with office.database.transaction() as tx:
        return unseen(tx, run, entity, covered), count_published(tx, run.company_id, entity, covered)


def test_unseen_is_what_no_page_of_this_run_showed(office: Office) -> None:
    company_id = office.connect()
    put(office, company_id, "users", *(published(str(number)) for number in range(1, 6)))
    put(office, "another", "users", published("77"))
    before = begin(office, company_id)
    with office.database.transaction() as tx:
        save_page(tx, before, entity="users", page=1, entity_ids=["5"])
        finish_run(tx, before, RunEnd("completed", None, None, {}))
    run = begin(office, company_id)
    with office.database.transaction() as tx:
        save_page(tx, run, entity="users", page=1, entity_ids=["1", "2"])
        save_page(tx, run, entity="users", page=2, entity_ids=["3"])
        save_page(tx, run, entity="jobs", page=1, entity_ids=["4"])
    assert missing(office, run, "users", ReadRange()) == (["4", "5"], PublishedCount(5, 5))


def test_unseen_of_a_window_begins_at_its_edge(office: Office) -> None:
    company_id = office.connect()
    days = {"1": date(2026, 6, 9), "2": date(2026, 6, 10), "3": date(2026, 6, 11)}
    put(office, company_id, "time-entries", *(published(key, day=day) for key, day in days.items()))
    run = begin(office, company_id)
    covered = ReadRange(from_day=date(2026, 6, 10))
    assert missing(office, run, "time-entries", covered) == (["2", "3"], PublishedCount(3, 2))


def test_unseen_of_parents_is_theirs_and_that_of_jobs_that_are_gone(office: Office) -> None:
    company_id = office.connect()
    put(office, company_id, "jobs", published("1"), published("2"))
    put(office, "another", "jobs", published("3"))
    lines = [published(f"{job}:9", parent=job) for job in ("1", "2", "3")]
    put(office, company_id, "budgets", *lines)
    run = begin(office, company_id)
    covered = ReadRange(parents=["1"])
    assert missing(office, run, "budgets", covered) == (["1:9", "3:9"], PublishedCount(3, 2))
    assert missing(office, run, "budgets", ReadRange(parents=[])) == (["3:9"], PublishedCount(3, 1))


def test_migrate_control_twice_applies_nothing_more(empty_database_url: str) -> None:
    assert migrate_control(empty_database_url)
    assert migrate_control(empty_database_url) == []


def test_database_without_the_schema_says_to_run_setup(empty_database_url: str) -> None:
    database = Database(factories.settings(database_url=empty_database_url), max_connections=2)
    database.open()
    with pytest.raises(ConfigurationError, match="setup"), database.transaction() as tx:
        get_connection(tx, "c1")
    database.close()


def test_database_error_names_the_state_and_never_the_values(office: Office) -> None:
    with pytest.raises(InvalidRecordError) as caught, office.database.transaction() as tx:
        tx.execute("INSERT INTO integration.connections (company_id) VALUES ('Ana Diaz')")
    assert "23502" in str(caught.value)
    assert "Ana" not in str(caught.value)


def test_database_that_is_away_is_an_outage_whose_words_hold_no_password() -> None:
    with pytest.raises(RetriableError) as caught:
        migrate_control("postgresql://nobody:hunter2@127.0.0.1:9/x")
    assert "hunter2" not in str(caught.value)
