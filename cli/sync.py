"""`sync` and `full-sync`: ask for a read of a company, and wait for its end if told to."""

from __future__ import annotations

import getpass
import json
from typing import Annotated

import typer
from rich.console import Console

from cli.following import CommandLine, CommandOrder
from cli.run_display import sentence, show_run
from core.settings import Settings, load_settings
from schemas.catalogue import ENTITY_BY_NAME
from schemas.codec import Record

QUIET_S = 120.0

Company = Annotated[str, typer.Argument(help="Protiv's id of the company.", metavar="COMPANY")]
Entities = Annotated[
    list[str] | None, typer.Option("--entity", help=f"Only this entity; repeatable: {', '.join(ENTITY_BY_NAME)}.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it is done, with progress.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")]


def sync(company: Company, entity: Entities = None, wait: Wait = False, as_json: AsJson = False) -> None:
    """Read what is recent of a company now."""
    _order(CommandOrder("sync", company, tuple(entity or ())), wait, as_json)


def full_sync(company: Company, entity: Entities = None, wait: Wait = False, as_json: AsJson = False) -> None:
    """Read everything of a company now."""
    _order(CommandOrder("full-sync", company, tuple(entity or ())), wait, as_json)


def ask_and_follow(settings: Settings, order: CommandOrder, console: Console) -> Record:
    """Send a command and show its run; the terminal event."""
    line = CommandLine(settings)
    try:
        line.listen(order.company_id)
        command_id = line.send(order, requested_by=requester())
        return show_run(line.events(command_id, quiet_s=QUIET_S), console)
    finally:
        line.close()


def show_end(last: Record, *, as_json: bool) -> None:
    """Print how a command ended; the process then exits with 1 unless it completed."""
    print(json.dumps(last) if as_json else sentence(last))
    if last["type"] != "completed":
        raise typer.Exit(1)


def requester() -> str:
    """Who asks, for the record of commands."""
    return f"cli:{getpass.getuser()}"


def _order(order: CommandOrder, wait: bool, as_json: bool) -> None:
    settings = load_settings()
    if not wait:
        command_id = _send(settings, order)
        print(json.dumps({"command_id": command_id}) if as_json else f"Command {command_id} is sent.")
        return
    last = ask_and_follow(settings, order, Console(stderr=True))
    show_end(last, as_json=as_json)


def _send(settings: Settings, order: CommandOrder) -> str:
    line = CommandLine(settings)
    try:
        return line.send(order, requested_by=requester())
    finally:
        line.close()
