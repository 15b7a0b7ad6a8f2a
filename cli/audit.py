"""What somebody changes by the command line, in the audit: who on which machine, and which command was sent for it.

A change of the database and its line are one transaction. A command goes by Kafka, also while the database is away:
then its sender sees that it is not in the audit.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from control.audit import Act, record
from control.database import Database, Transaction
from core.errors import IntegrationError
from core.settings import Settings, reveal
from core.terminal import Terminal
from schemas.command_sender import CommandOrder

_LONGEST = 200


def requester() -> str:
    """Who asks, as the shell names them; anybody could claim it."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # an id without an entry of its own, as in some containers
        return f"cli:uid-{os.getuid()}"


def note(
    tx: Transaction, action: str, company_id: str | None, detail: Mapping[str, Any], *, command_id: str | None = None
) -> None:
    """In the transaction of the change; `detail` holds no secret."""
    who = f"{requester()}@{socket.gethostname()}"[:_LONGEST]
    record(tx, Act(None, who, company_id, action, detail, command_id))


def note_sent(settings: Settings, order: CommandOrder, command_id: str) -> None:
    """Note that Kafka has a command. Dry runs are not noted, and nothing is without DATABASE_URL."""
    if not order.dry_run and reveal(settings.database_url):
        note_behind(settings, order.type, order.company_id, _detail(order), command_id=command_id)


def note_behind(
    settings: Settings, action: str, company_id: str | None, detail: Mapping[str, Any], *, command_id: str | None = None
) -> None:
    """Note what is done already. A database that does not take the line is reported, and is no failure."""
    try:
        database = Database(settings, max_connections=1)
        database.open()
        with closing(database), database.transaction() as tx:
            note(tx, action, company_id, detail, command_id=command_id)
    except IntegrationError as exc:
        Terminal(stderr=True).print(f"It is done, but not in the audit: {exc}")


def _detail(order: CommandOrder) -> dict[str, Any]:
    days = {"from_date": order.from_day, "to_date": order.to_day}
    stated = {name: day.isoformat() for name, day in days.items() if day is not None}
    others = {"entities": list(order.entities), "reason": order.reason, "target_id": order.target_id}
    return stated | {name: value for name, value in others.items() if value}
