"""Commands for all companies: split into one command for each company, and how many of those are answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from control.commands import Body
from control.database import Transaction, statements

_SQL = statements("commands")


@dataclass(frozen=True, slots=True)
class FanOut:
    """A command for all companies. `outcomes`: the types of the companies' answers; `failures`: a sentence each."""

    command_id: str
    body: dict[str, Any]
    total: int
    answered: int
    outcomes: list[str]
    counts: list[dict[str, int]]
    failures: list[str]


def fan_out(tx: Transaction, body: Body, company_ids: Sequence[str], *, apart_s: float) -> None:
    """Store one command for each company, due `apart_s` after the one before. Repeating it changes nothing."""
    whole = str(body["command_id"])
    tx.execute(
        _SQL["fan_out"],
        {
            "command_ids": [part_id(whole, company_id) for company_id in company_ids],
            "company_ids": list(company_ids),
            "type": body["type"],
            "body": Jsonb(dict(body)),
            "fan_out_id": whole,
            "apart_s": apart_s,
        },
    )
    tx.execute(_SQL["start"], {"command_ids": [whole], "run_id": None})


def open_fan_outs(tx: Transaction) -> list[FanOut]:
    """Those without an answer, locked for this transaction; those that another poller has locked are left out."""
    with tx.cursor(row_factory=class_row(FanOut)) as cursor:
        return cursor.execute(_SQL["fan_outs"]).fetchall()


def part_id(command_id: str, company_id: str) -> str:
    """The id of the command for one company that a command for all is split into."""
    return str(uuid5(UUID(command_id), company_id))
