"""`user`: who may sign in to the console."""

from __future__ import annotations

import getpass
import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from cli.audit import note
from control.console_users import (
    ROLES,
    NewUser,
    add_user,
    disable_user,
    enable_user,
    list_users,
    normal_email,
    set_password,
)
from control.database import Database, Transaction
from core.settings import Settings, load_settings
from core.settings_files import read_or_make, write_private
from core.terminal import Terminal, table, write_line
from core.visible import visible

app = typer.Typer(help="Users of the console.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="E-mail address; it is the name to sign in with.", metavar="EMAIL")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")]


@app.callback()
def user() -> None:
    """Users of the console."""


@app.command("add")
def add(
    email: Email,
    role: Annotated[str, typer.Option(help=f"{', '.join(ROLES)}.")] = "admin",
    company: Annotated[str, typer.Option(help="Protiv's id of the one company that is seen; a must for admin.")] = "",
    name: Annotated[str, typer.Option(help="Name to show; the default is the e-mail.")] = "",
    sso: Annotated[bool, typer.Option("--sso", help="No password: OpenID Connect alone.")] = False,
    password_stdin: PasswordStdin = False,
    as_json: AsJson = False,
) -> None:
    """Add a user: admins change one company, operators all of them, viewers change nothing."""
    password = None if sso else _password(from_stdin=password_stdin)
    new = NewUser(email, name or email, role, company or None, password)
    user_id = store_user(load_settings(), new)
    _say({"user_id": user_id, "email": normal_email(email)}, f"Added {normal_email(email)} as {role}.", as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show every user."""
    with _transaction(load_settings()) as tx:
        found = list_users(tx)
    if as_json:
        print(json.dumps({"users": [asdict(one) for one in found]}))
        return
    shown = table("E-mail", "Name", "Role", "Company", "Signs in with")
    for one in found:
        way = "nothing: disabled" if one.is_disabled else "password" if one.has_password else "OpenID Connect"
        shown.add_row(one.email, visible(one.name), one.role, visible(one.company_id or "all"), way)
    Terminal().print(shown)


@app.command("password")
def password(email: Email, password_stdin: PasswordStdin = False, as_json: AsJson = False) -> None:
    """Set a new password; the user is signed out everywhere."""
    new = _password(from_stdin=password_stdin)
    with _transaction(load_settings()) as tx:
        set_password(tx, email, new)
        _keep(tx, "user-password", email)
    _say({"email": normal_email(email)}, f"{normal_email(email)} has a new password.", as_json=as_json)


@app.command("disable")
def disable(email: Email, as_json: AsJson = False) -> None:
    """Let a user sign in no more; the user is signed out everywhere."""
    with _transaction(load_settings()) as tx:
        disable_user(tx, email)
        _keep(tx, "user-disable", email)
    _say({"email": normal_email(email)}, f"{normal_email(email)} can sign in no more.", as_json=as_json)


@app.command("enable")
def enable(email: Email, as_json: AsJson = False) -> None:
    """Let a disabled user sign in again: set a new password for it then, unless the user signs in by OpenID Connect."""
    with _transaction(load_settings()) as tx:
        enable_user(tx, email)
        _keep(tx, "user-enable", email)
    _say({"email": normal_email(email)}, f"{normal_email(email)} is enabled again.", as_json=as_json)


def _keep(tx: Transaction, action: str, email: str, *, company_id: str | None = None, **detail: str) -> None:
    """Note it in the audit, in the transaction of the change."""
    found = next((one for one in list_users(tx) if one.email == normal_email(email)), None)
    company_id = company_id or (found.company_id if found else None)
    note(tx, action, company_id, {"user": normal_email(email), **detail})


def store_user(settings: Settings, new: NewUser) -> str:
    """Store a user and return its id. ConfigurationError with what is wrong."""
    with _transaction(settings) as tx:
        user_id = add_user(tx, new)
        _keep(tx, "user-add", new.email, company_id=new.company_id, role=new.role)
        return user_id


@dataclass(frozen=True, slots=True)
class DemoUser:
    """An operator of the demo's console."""

    email: str
    password: str = field(repr=False)


def demo_user(settings: Settings, folder: Path) -> DemoUser:
    """The demo's operator, made at the first start; its password is kept in the data folder."""
    path = folder / "console-user.json"
    if path.exists():
        return DemoUser(**json.loads(read_or_make(path, str)))
    made = DemoUser("demo@protiv.example", "-".join(secrets.token_hex(2) for _ in range(4)))
    store_user(settings, NewUser(made.email, "Demo operator", "operator", None, made.password))
    write_private(path, json.dumps(asdict(made)))
    return made


@contextmanager
def _transaction(settings: Settings) -> Iterator[Transaction]:
    database = Database(settings, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        yield tx


def _password(*, from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else getpass.getpass("Password for the console: ")


def _say(body: dict[str, str], sentence: str, *, as_json: bool) -> None:
    write_line(json.dumps(body) if as_json else sentence)
