"""Console users: added and changed by the CLI, signed in with a password, counted and kept in the audit."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from cli.main import main
from cli.user import demo_user
from control.passwords import SHORTEST
from tests.integration.console.fix_console import PASSWORD, Site, sign_in


@pytest.fixture
def cli(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("DATABASE_URL", site.settings.database_url.get_secret_value())
    return site


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin.readline", lambda: text + "\n")


def new_email() -> str:
    return f"{uuid4().hex[:10]}@protiv.example"


def test_user_that_the_cli_adds_signs_in_and_comes_to_their_company(
    cli: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    email = new_email()
    typed(monkeypatch, PASSWORD)
    arguments = ["user", "add", email.upper(), "--role", "admin", "--company", "acme/1", "--password-stdin", "--json"]
    assert main(arguments) == 2, "a company's id holds no slash"
    arguments[6] = "acme & sons"
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["email"] == email
    browser = cli.browser()
    assert sign_in(browser, f" {email.upper()} ").headers["location"] == "/"
    assert browser.get("/").headers["location"] == "/c/acme%20%26%20sons"
    assert "acme &amp; sons" in browser.get("/c/acme%20%26%20sons").text
    (line,) = cli.run("SELECT action, company_id FROM integration.audit WHERE who = %s", email)
    assert line == ("sign-in", "acme & sons")


def test_user_password_and_disable_end_every_session(
    cli: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    email = cli.user("operator")
    browser = cli.browser()
    sign_in(browser, email)
    typed(monkeypatch, "another long password")
    assert main(["user", "password", email, "--password-stdin"]) == 0
    assert browser.get("/companies").status_code == 303
    assert sign_in(browser, email).status_code == 422
    assert sign_in(browser, email, "another long password").status_code == 303
    assert main(["user", "disable", email, "--json"]) == 0
    assert browser.get("/companies").status_code == 303
    assert sign_in(browser, email, "another long password").status_code == 422
    assert main(["user", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])["users"]
    assert [one["is_disabled"] for one in listed if one["email"] == email] == [True]
    assert "password_hash" not in str(listed)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody"], "EMAIL must be an e-mail address"),
        (["a@b.example", "--role", "king"], "--role must be one of"),
        (["a@b.example", "--role", "admin"], "give --company"),
        (["a@b.example", "--role", "operator", "--company", "c1"], "leave --company out"),
        (["a@b.example", "--role", "operator", "--password-stdin"], f"{SHORTEST} to 1000 characters"),
    ],
)
def test_user_add_says_what_is_wrong(
    cli: Site,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    typed(monkeypatch, "short")
    way = [] if "--password-stdin" in arguments else ["--sso"]
    assert main(["user", "add", *arguments, *way]) == 2
    assert told in capsys.readouterr().err


def test_user_add_twice_and_changes_of_nobody_are_refused(
    cli: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, PASSWORD)
    email = cli.user("operator", None, None)
    assert main(["user", "add", email, "--role", "viewer", "--sso"]) == 2
    assert main(["user", "disable", new_email()]) == 2
    assert main(["user", "password", new_email(), "--password-stdin"]) == 2
    assert capsys.readouterr().err.count("There is no user") == 2


def test_user_that_is_disabled_comes_back_only_by_enable_and_without_its_old_password(
    cli: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.run("DELETE FROM integration.console_tries")
    typed(monkeypatch, "another long password")
    email = cli.user("operator")
    assert main(["user", "enable", email]) == 2
    assert main(["user", "disable", email]) == 0
    assert main(["user", "password", email, "--password-stdin"]) == 2
    assert "it is disabled" in capsys.readouterr().err
    assert main(["user", "add", email, "--role", "operator", "--password-stdin"]) == 2
    assert sign_in(cli.browser(), email, "another long password").status_code == 422
    assert main(["user", "enable", email]) == 0
    assert sign_in(cli.browser(), email).status_code == 422, "its old password is gone"
    assert main(["user", "password", email, "--password-stdin"]) == 0
    assert sign_in(cli.browser(), email, "another long password").status_code == 303
    lines = cli.run(
        "SELECT action FROM integration.audit WHERE detail->>'user' = %s AND who LIKE 'cli:%%' ORDER BY audit_id", email
    )
    assert [action for (action,) in lines] == ["user-disable", "user-enable", "user-password"]


@pytest.mark.parametrize("weak", ["password1234", " " * 12, "Buildertrend2026"])
def test_user_with_a_password_that_is_guessed_early_is_not_added(
    cli: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], weak: str
) -> None:
    typed(monkeypatch, weak)
    assert main(["user", "add", new_email(), "--role", "operator", "--password-stdin"]) == 2
    assert "too easy to guess" in capsys.readouterr().err


def test_user_list_shows_people_a_table(cli: Site, capsys: pytest.CaptureFixture[str]) -> None:
    cli.user("viewer", None, None)
    assert main(["user", "list"]) == 0
    assert "OpenID Connect" in capsys.readouterr().out


def test_sign_in_of_an_unknown_email_and_of_one_without_password_is_refused_alike(site: Site) -> None:
    site.run("DELETE FROM integration.console_tries")
    unknown = sign_in(site.browser(), new_email())
    without = sign_in(site.browser(), site.user("operator", None, None))
    assert unknown.status_code == without.status_code == 422
    words = "This e-mail and password do not match."
    assert words in unknown.text
    assert words in without.text


def test_password_is_kept_as_argon2id(site: Site) -> None:
    email = site.user("operator")
    ((kept,),) = site.run("SELECT password_hash FROM integration.console_users WHERE email = %s", email)
    assert kept.startswith("$argon2id$")


def test_user_of_the_demo_is_made_once_and_signs_in(site: Site, tmp_path: Path) -> None:
    made = demo_user(site.settings, tmp_path)
    assert demo_user(site.settings, tmp_path) == made
    assert made.password not in repr(made)
    browser = site.browser()
    assert sign_in(browser, made.email, made.password).status_code == 303
    assert browser.get("/dead-letters").status_code == 200
