"""What every command that sends a sync command has in common: its options, sending, waiting, and the exit code."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console

from cli.audit import note_sent, requester
from cli.following import CommandLine
from cli.run_display import sentence, show_run
from core.clock import SystemClock
from core.errors import ConfigurationError
from core.settings import Settings, load_settings
from core.terminal import Terminal, write_line
from schemas.codec import Record
from schemas.command_sender import CommandOrder, command_record, new_command_id
from schemas.commands import refusal
from schemas.entities import ENTITY_BY_NAME

QUIET_S = 120.0
_NAMES = ", ".join(ENTITY_BY_NAME)
_OPTIONS = {
    "company_id": "COMPANY",
    "entities": "--entity",
    "from_date": "--from",
    "to_date": "--to",
    "reason": "--reason",
    "target_id": "--command",
    "requested_by": "The name of the user who asks",
}

Company = Annotated[str, typer.Argument(help="Protiv's id of the company, or '*' for all.", metavar="COMPANY")]
Entities = Annotated[list[str] | None, typer.Option("--entity", help=f"Only this entity; repeatable: {_NAMES}.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it is done, with progress.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")]
Day = datetime | None


@dataclass(frozen=True, slots=True)
class Follow:
    """What to do once a command is sent."""

    wait: bool
    as_json: bool


def order(asked: CommandOrder, follow: Follow) -> None:
    """Send a command; wait for its end if asked to. Exits with 1 unless it completed, 2 for wrong usage."""
    checked = check(asked)
    settings = load_settings()
    if not follow.wait:
        command_id = send(settings, checked)
        print(json.dumps({"command_id": command_id}) if follow.as_json else f"Command {command_id} is sent.")
        return
    last = ask_and_follow(settings, checked, Terminal(stderr=True))
    show_end(last, as_json=follow.as_json)


def check(asked: CommandOrder) -> CommandOrder:
    """The order as it may be sent, by the poller's own rules; ConfigurationError with the option that is wrong."""
    order_once = replace(asked, entities=tuple(dict.fromkeys(asked.entities)))
    unknown = sorted(set(asked.entities) - set(ENTITY_BY_NAME))
    if unknown:
        raise ConfigurationError(f"--entity {unknown[0]} is not known; it takes one of {_NAMES}.")
    named = replace(order_once, command_id=asked.command_id or new_command_id())
    record = command_record(named, requested_by=requester(), at=SystemClock().now())
    # Only the poller knows whether the company is connected.
    problem = refusal(record, connected=True)
    if problem is not None:
        raise ConfigurationError(in_options(problem))
    return order_once


def in_options(problem: str) -> str:
    """A refusal, which names fields of a command, in the words of the command line."""
    for name, option in _OPTIONS.items():
        problem = re.sub(rf"\b{name}\b", option, problem)
    return problem


def ask_and_follow(settings: Settings, asked: CommandOrder, console: Console) -> Record:
    """Send a command and show its run; the terminal event."""
    line = CommandLine(settings)
    try:
        line.listen(asked.company_id)
        command_id = line.send(asked, requested_by=requester())
        note_sent(settings, asked, command_id)
        return show_run(line.events(command_id, quiet_s=QUIET_S), console)
    finally:
        line.close()


def send(settings: Settings, asked: CommandOrder) -> str:
    """Send a command and do not wait; its id."""
    line = CommandLine(settings)
    try:
        command_id = line.send(asked, requested_by=requester())
    finally:
        line.close()
    note_sent(settings, asked, command_id)
    return command_id


def show_end(last: Record, *, as_json: bool) -> None:
    """Print how a command ended; the process then exits with 1 unless it completed."""
    write_line(json.dumps(last) if as_json else sentence(last))
    if last["type"] != "completed":
        raise typer.Exit(1)


def day(given: datetime | None) -> date | None:
    """An option's day."""
    return None if given is None else given.date()
