"""`demo`: the whole product on this machine, from nothing to rows in Postgres, with a simulated Buildertrend."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.connect import Entered, store
from cli.demo_report import show_contents, show_next_steps
from cli.lag import sink_is_behind, streams_are_behind
from cli.local import LocalStack, SandboxCompany, end_on_signals, show_addresses, stay
from cli.local_settings import clean_surroundings, stated_for_demo
from cli.ordering import ask_and_follow
from cli.run_display import changes_in
from cli.tables import contents, counts
from cli.user import demo_user
from control.connections import get_connection
from control.database import Database
from core.errors import FatalError
from core.settings import Settings
from core.terminal import Terminal, styled
from embedded.progress import ConsoleProgress
from sandbox.client import SandboxControl
from schemas.command_sender import CommandOrder

_GAP_MS = 5  # The sandbox is our own: no need to spare it.
_SETTLE_S = 300.0
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The sandbox's own counts and the tables', and what the sync published."""

    source: dict[str, int]
    database: dict[str, int]
    published: int
    seconds: float


def demo(
    jobs: Annotated[int, typer.Option(min=2, help="Jobs of the simulated company, the General one included.")] = 60,
    shifts: Annotated[int, typer.Option(min=1, help="Shifts of the simulated company.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated company.")] = 7,
    data: Annotated[Path, typer.Option(help="Folder that keeps the data between runs.")] = Path(".data"),
    once: Annotated[bool, typer.Option("--once", help="End after the sync instead of staying up.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Addresses, then the result, a line of JSON each.")] = False,
) -> None:
    """Run everything with a simulated Buildertrend: connect a company, sync it, show what arrived."""
    began = time.monotonic()
    end_on_signals()
    console = Terminal(stderr=as_json, soft_wrap=True)
    stated = stated_for_demo()
    clean_surroundings()
    company = SandboxCompany(seed, jobs, shifts)
    with LocalStack(data.resolve(), sandbox=company, stated=stated, gap_ms=_GAP_MS) as stack:
        addresses, settings = stack.start(ConsoleProgress(console))
        if as_json:
            print(json.dumps(asdict(addresses)), flush=True)
        else:
            show_addresses(addresses, console)
        sandbox = _company_of(addresses.sandbox, company)
        company_id = f"demo-s{seed}-j{jobs}-t{shifts}"
        user = demo_user(settings, data.resolve())
        published = _sync(settings, company_id, sandbox.company, console)
        with console.status("Linking and storing …"):
            settle(settings, stack)
        result = DemoResult(
            sandbox.summary(), counts(settings, company_id), published, round(time.monotonic() - began, 1)
        )
        with suppress(KeyboardInterrupt):  # From here on Ctrl-C is how it ends.
            _show(result, settings, company_id, None if as_json else console)
            _check(result, data)
            if not once:
                show_next_steps(addresses, company_id, stack.settings_file, user, console)
                stay(stack)


def _show(result: DemoResult, settings: Settings, company_id: str, console: Console | None) -> None:
    """The result as tables on the console, or as a line of JSON where there is none."""
    if console is None:
        print(json.dumps(asdict(result)), flush=True)
    else:
        show_contents(contents(settings, company_id), result.seconds, console)


def _check(result: DemoResult, data: Path) -> None:
    if result.source != result.database:
        raise FatalError(
            f"The tables differ from the sandbox: {result.database} instead of {result.source}. "
            f"The logs in {data / 'logs'} say why."
        )


def _company_of(url: str, wanted: SandboxCompany) -> SandboxControl:
    """The control of the wanted company; the state folder may hold others from earlier runs."""
    return SandboxControl(url).create_company(**asdict(wanted))


def _sync(settings: Settings, company_id: str, profile: dict[str, Any], console: Console) -> int:
    """Connect the company if needed and read all of it; returns the number of changes published."""
    if not _is_connected(settings, company_id):
        console.print("\nConnecting", styled(profile["name"], "bold"), f"as {profile['username']} …")
        store(settings, Entered(company_id, profile["username"], profile["password"], profile["time_zone"]))
    else:
        console.print()
        console.print(styled(profile["name"], "bold"), "is connected already; reading it again …")
    last = ask_and_follow(settings, CommandOrder("full-sync", company_id), console)
    if last["type"] != "completed":
        raise FatalError(f"The sync did not complete: {last['message']}")
    return changes_in(last["counts"])


def _is_connected(settings: Settings, company_id: str) -> bool:
    database = Database(settings, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        found = get_connection(tx, company_id)
    return found is not None and found.state == "connected"


def settle(settings: Settings, stack: LocalStack) -> None:
    """Wait until streams and sink have processed all that was published; FatalError if that takes too long."""
    limit = time.monotonic() + _SETTLE_S
    stages: tuple[Callable[[Settings], bool], ...] = (streams_are_behind, sink_is_behind)
    for is_behind in stages:
        while is_behind(settings):
            stack.wait(0.0)
            if time.monotonic() > limit:
                raise FatalError(f"The records did not arrive within {_SETTLE_S:.0f} s ({is_behind.__name__}).")
            time.sleep(_LOOK_EVERY_S)
