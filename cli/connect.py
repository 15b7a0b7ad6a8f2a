"""`connect`: store a Buildertrend username and a sealed password for a company, sign in, and start the first sync."""

from __future__ import annotations

import getpass
import json
import sys
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.audit import note, requester
from cli.following import CommandLine
from cli.ordering import QUIET_S, in_options, show_end
from cli.run_display import show_run
from control.connections import PASSWORD, NewConnection, get_connection, save_connection
from control.database import Database
from control.vault import Sealer
from core.errors import ConfigurationError
from core.settings import Settings, load_settings
from core.terminal import Terminal
from core.topics import ALL_COMPANIES
from schemas.command_sender import CommandOrder
from schemas.commands import company_problem


@dataclass(frozen=True, slots=True)
class Entered:
    """What somebody typed to connect a company."""

    company_id: str
    username: str
    password: str = field(repr=False)
    time_zone: str
    import_from: date | None = None


def store(settings: Settings, entered: Entered, *, command_id: str | None = None) -> None:
    """Keep the connection with its password sealed, and in the audit; outer spaces of the username go.

    `command_id` is that of the sync that follows. ConfigurationError with what is wrong.
    """
    new = checked(entered)
    secret = Sealer.from_settings(settings).seal(entered.password.encode(), company_id=new.company_id, kind=PASSWORD)
    database = Database(settings, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        action = "connect" if get_connection(tx, new.company_id) is None else "reconnect"
        save_connection(tx, new, secret)
        note(tx, action, new.company_id, {"username": new.username, "time_zone": new.time_zone}, command_id=command_id)


def connect(
    company: Annotated[str, typer.Argument(help="Protiv's id of the company.", metavar="COMPANY")],
    username: Annotated[str, typer.Option(prompt=True, help="Buildertrend username.")],
    time_zone: Annotated[str, typer.Option(help="IANA time zone of the company, such as America/Denver.")],
    import_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of shifts to read; the default is all.")
    ] = None,
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the first sync is done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Connect a company to its Buildertrend account and start its first sync."""
    check_company(company)
    settings = load_settings()
    console = Terminal(stderr=True)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else getpass.getpass("Buildertrend password: ")
    day = import_from.date() if import_from else None
    with closing(CommandLine(settings)) as line:
        line.listen(company)
        command_id = str(uuid4())
        store(settings, Entered(company, username, password, time_zone, day), command_id=command_id)
        line.send(CommandOrder("sync", company, command_id=command_id), requested_by=requester())
        if not wait:
            print(json.dumps({"command_id": command_id}) if as_json else _WHERE_NEXT.format(company=company))
            return
        last = show_run(line.events(command_id, quiet_s=QUIET_S), console)
    show_end(last, as_json=as_json)


_WHERE_NEXT = "Stored. The first sync has begun: `protiv-buildertrend status {company}` shows how far it is."


def check_company(company_id: str) -> None:
    """ConfigurationError for what is no id of one company."""
    problem = company_problem(company_id)
    if problem is not None:
        raise ConfigurationError(in_options(problem))
    if company_id == ALL_COMPANIES:
        raise ConfigurationError("COMPANY must be Protiv's id of one company; it is not * here.")


def checked(entered: Entered) -> NewConnection:
    """The connection to store; ConfigurationError with the field that is wrong."""
    company_id = entered.company_id
    check_company(company_id)
    if not entered.username.strip() or not entered.password:
        raise ConfigurationError("Username and password must not be empty.")
    try:
        ZoneInfo(entered.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(
            f"Time zone {entered.time_zone} is not known: give an IANA name such as America/Denver."
        ) from None
    return NewConnection(company_id, entered.username.strip(), entered.time_zone, entered.import_from)
