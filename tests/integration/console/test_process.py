"""The console as an operator runs it: one process, its addresses, its end, and a database that comes and goes."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict

from control.database import migrate_control
from core.settings import Settings
from tests.fix_stack import Stack
from tests.integration.console.fix_console import (
    START_S,
    Cable,
    companies,
    console_process,
    eventually,
    running_console,
)
from tests.integration.console.test_database_source import connect, database_of, publish


def test_console_shows_what_is_in_the_database(stack: Stack, tmp_path: Path) -> None:
    company_id = f"console-{uuid4().hex[:8]}"
    with database_of(stack.settings) as database:
        connect(database, company_id)
        publish(database, company_id, 2)
    with running_console(stack.settings, tmp_path) as console:
        eventually(lambda: console.get("/ready").status_code == 200, "ready")
        page = console.get(f"/?find={company_id}")
        status = console.get(f"/api/status?find={company_id}").json()
        metrics = console.get("/metrics").text
    assert page.status_code == 200
    assert f"Account of {company_id}" in page.text
    assert status["companies"][0]["entities"]["jobs"] == {"published": 2, "stored": 0}
    assert "protiv_console_read_seconds_count" in metrics
    assert "server" not in page.headers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_console_ends_cleanly_when_it_is_asked_to(stack: Stack, tmp_path: Path, number: signal.Signals) -> None:
    with running_console(stack.settings, tmp_path) as console:
        assert console.get("/health").json() == {"alive": True}
        assert console.end(number) == 0
        assert "Traceback" not in console.log.read_text()


def test_console_ends_cleanly_while_it_waits_for_the_database(stack: Stack, tmp_path: Path) -> None:
    nowhere = stack.with_settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    with running_console(nowhere, tmp_path) as console:
        assert console.get("/health").status_code == 200
        assert console.get("/ready").status_code == 503
        assert console.end(signal.SIGTERM) == 0


@pytest.mark.timeout(180)
def test_console_comes_before_its_database_and_outlives_its_outage(own_database: Settings, tmp_path: Path) -> None:
    part = conninfo_to_dict(own_database.database_url.get_secret_value())
    cable = Cable(str(part["host"]), int(part["port"] or 5432))
    through = f"postgresql://{part['user']}:{part['password']}@127.0.0.1:{cable.port}/{part['dbname']}"
    settings = own_database.model_copy(update={"database_url": type(own_database.database_url)(through)})
    with database_of(own_database) as database:
        connect(database, "acme")
    with running_console(settings, tmp_path) as console:
        early = console.get("/")
        assert early.status_code == 503
        assert "does not answer" in early.text
        cable.plug()
        eventually(lambda: console.get("/ready").status_code == 200, "ready when the database is there")
        assert "Account of acme" in console.get("/").text
        cable.pull()
        eventually(lambda: console.get("/ready").status_code == 503, "not ready in the outage")
        eventually(lambda: console.get("/").status_code == 503, "the page tells of the outage")
        assert "Account of acme" in console.get("/").text
        cable.plug()
        eventually(lambda: console.get("/ready").status_code == 200, "ready again")
        eventually(lambda: console.get("/").status_code == 200, "the page is well again")
        assert console.end(signal.SIGTERM) == 0
        assert "Traceback" not in console.log.read_text()
    cable.pull()


def test_console_of_a_database_that_is_not_set_up_waits_for_setup(
    stack: Stack, empty_database_url: str, tmp_path: Path
) -> None:
    with running_console(stack.with_settings(database_url=empty_database_url), tmp_path) as console:
        eventually(lambda: "protiv-buildertrend setup" in console.get("/").text, "says what to run")
        migrate_control(empty_database_url)
        eventually(lambda: console.get("/").status_code == 200, "goes on by itself")
        assert companies(console) == {}


def test_console_on_a_taken_port_says_what_to_do(stack: Stack, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = console_process(stack.settings, tmp_path / "log", CONSOLE_PORT=str(port))
        assert process.wait(START_S) == 2
    said = (tmp_path / "log").read_text()
    assert f"CONSOLE_PORT {port} cannot be used" in said
    assert "choose another one" in said
    assert "Traceback" not in said


def test_console_does_not_listen_where_others_reach_it(stack: Stack, tmp_path: Path) -> None:
    process = console_process(stack.settings, tmp_path / "log", CONSOLE_HOST="::")
    assert process.wait(START_S) == 2
    assert "sign-in is not in this version" in (tmp_path / "log").read_text()


def test_console_without_a_database_url_names_the_setting(stack: Stack, tmp_path: Path) -> None:
    process = console_process(stack.settings, tmp_path / "log", DATABASE_URL="")
    assert process.wait(START_S) == 2
    assert "DATABASE_URL is not set" in (tmp_path / "log").read_text()


def test_console_listens_on_the_loopback_of_ipv6(stack: Stack, tmp_path: Path) -> None:
    with running_console(stack.settings, tmp_path, CONSOLE_HOST="::1") as console:
        assert console.address.startswith("http://[::1]:")
        assert console.get("/health").status_code == 200
