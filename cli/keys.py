"""`keys new`: a key pair for sealed credentials."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from control.vault import new_key_pair

app = typer.Typer(help="Keys that Buildertrend passwords are sealed with.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Keys that Buildertrend passwords are sealed with."""


@app.command("new")
def new(
    key_id: Annotated[str, typer.Option(help="Name of the key; the default is today's date.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a new key pair: the public half goes to console and CLI, the private half to the poller only."""
    pair = new_key_pair(key_id or f"k{datetime.now(UTC):%Y%m%d}")
    if as_json:
        print(json.dumps({"CREDENTIAL_PUBLIC_KEY": pair.public, "CREDENTIAL_PRIVATE_KEYS": pair.private}))
    else:
        print(f"CREDENTIAL_PUBLIC_KEY={pair.public}\nCREDENTIAL_PRIVATE_KEYS={pair.private}")
