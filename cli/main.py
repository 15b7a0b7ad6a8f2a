"""Assembles the commands. Exit codes: 0 done, 1 failed, 2 wrong usage or setting; errors are one sentence on stderr."""

from __future__ import annotations

import sys
import traceback
from io import TextIOWrapper
from typing import cast

import typer

from cli import (
    commands,
    connect,
    demo,
    doctor,
    explain,
    keys,
    local,
    reconcile,
    restore_ids,
    services,
    setup,
    source,
    status,
    topics,
    user,
)
from core.environment import reach_loopback_directly
from core.errors import ConfigurationError, IntegrationError
from core.terminal import Terminal
from core.visible import visible_lines

app = typer.Typer(
    name="protiv-buildertrend",
    help="Streams jobs, time entries, budgets, users and cost codes from Buildertrend into Protiv's Postgres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("up")(local.up)
app.command("sandbox")(services.sandbox)
app.command("setup")(setup.setup)
app.command("poller")(services.poller)
app.command("streams")(services.streams)
app.command("sink")(services.sink)
app.command("console")(services.console)
app.command("connect")(connect.connect)
app.command("sync")(commands.sync)
app.command("full-sync")(commands.full_sync)
app.command("backfill")(commands.backfill)
app.command("pause")(commands.pause)
app.command("resume")(commands.resume)
app.command("cancel")(commands.cancel)
app.command("disconnect")(commands.disconnect)
app.command("release-deletions")(commands.release_deletions)
app.command("replay-dead-letters")(commands.replay_dead_letters)
app.command("status")(status.status)
app.command("explain")(explain.explain)
app.command("reconcile")(reconcile.reconcile)
app.command("doctor")(doctor.doctor)
topics.app.command("restore-ids")(restore_ids.restore_ids)
app.add_typer(topics.app, name="topics")
app.add_typer(keys.app, name="keys")
app.add_typer(source.app, name="source")
app.add_typer(user.app, name="user")


def run() -> None:
    """The console script. The traceback of an unforeseen error may quote anything: it is shown as text; exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its escape instead of ending the command.
        cast("TextIOWrapper", stream).reconfigure(errors="backslashreplace")
    try:
        code = main(sys.argv[1:])
    except Exception as exc:
        sys.stderr.write(visible_lines(traceback.format_exc()))
        raise SystemExit(1) from exc
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """The exit code of a command line."""
    reach_loopback_directly()
    try:
        app(args=arguments, prog_name="protiv-buildertrend")
    except SystemExit as end:
        # Typer ends every command like this, wrong usage (2) as well as success.
        return end.code if isinstance(end.code, int) else 0
    except ConfigurationError as exc:
        return _complain(exc, 2)
    except IntegrationError as exc:
        return _complain(exc, 1)
    return 0


def _complain(error: IntegrationError, exit_code: int) -> int:
    Terminal(stderr=True, soft_wrap=True).print(f"Error: {error}", style="red")
    return exit_code
