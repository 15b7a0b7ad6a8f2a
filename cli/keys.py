"""`keys new` and `keys rotate`: key pairs for sealed credentials, and from one to the next."""

from __future__ import annotations

import json
import secrets
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.audit import note_behind
from control import key_rotation
from control.database import Database
from control.vault import Opener, new_key_pair
from core.settings import load_settings

app = typer.Typer(help="Keys that Buildertrend passwords are sealed with.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Keys that Buildertrend passwords are sealed with."""


@app.command("new")
def new(
    key_id: Annotated[str, typer.Option(help="Id of the key; the default is today's date and a random part.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a new key pair: the public half goes to console and CLI, the private half to the poller only."""
    pair = new_key_pair(key_id or f"k{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(4)}")
    if as_json:
        print(json.dumps({"CREDENTIAL_PUBLIC_KEY": pair.public, "CREDENTIAL_PRIVATE_KEYS": pair.private}))
    else:
        print(f"CREDENTIAL_PUBLIC_KEY={pair.public}\nCREDENTIAL_PRIVATE_KEYS={pair.private}")


@app.command("rotate")
def rotate(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Seal every stored secret to the first key of CREDENTIAL_PRIVATE_KEYS; with DATABASE_URL of the poller's role."""
    settings = load_settings()
    opener = Opener.from_settings(settings)
    database = Database(settings, max_connections=1)
    database.open()
    with closing(database):
        rotated = key_rotation.rotate(database, opener)
    note_behind(settings, "rotate-keys", None, {"moved": rotated.moved})
    if as_json:
        print(json.dumps(asdict(rotated)))
    else:
        print(f"{rotated.moved} secrets moved to the newest key, {rotated.there} were there; all open with it alone.")
