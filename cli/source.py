"""`source`: whether the adapter understands what Buildertrend answers now."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.audit import note
from core.errors import ConfigurationError
from core.settings_files import write_private
from core.terminal import Terminal, write_line
from core.visible import visible

if TYPE_CHECKING:
    from producers.buildertrend.check.checker import Checked
    from producers.buildertrend.check.report import Report

app = typer.Typer(help="What Buildertrend answers, and whether it is understood.", no_args_is_help=True)


@app.callback()
def source() -> None:
    """What Buildertrend answers, and whether it is understood."""


@app.command("check")
def check(
    recording: Annotated[Path, typer.Argument(help="A HAR file, as a browser exports it.", metavar="FILE.har")],
    shape: Annotated[
        Path | None, typer.Option(help="Also write structure and statistics there, without any value.", metavar="FILE")
    ] = None,
    save_recipe: Annotated[
        str, typer.Option(help="Ask for this company's shifts as the recorded page did.", metavar="COMPANY")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what the adapter understands of a recording, what would be lost, and whether the wire facts hold.

    Exit code 0: understood, 1: something would be lost or wrong, 2: wrong usage. Needs no service and no setting, save
    for --save-recipe: DATABASE_URL.
    """
    checked, others, damaged = _checked(recording)
    if save_recipe:
        _save_recipe(save_recipe, checked)
    _finish(checked, shape=shape, as_json=as_json, others=others, damaged=damaged)


def _checked(path: Path) -> tuple[Checked, int, int]:
    from producers.buildertrend.check.checker import Checked
    from producers.buildertrend.check.har import Har

    har, checked = Har(path), Checked("har")
    checked.take(har.exchanges())
    if not checked.findings:
        raise ConfigurationError(
            f"{path} holds no answer of Buildertrend ({har.entries} requests, {har.damaged} of them damaged): "
            "record while pages of Buildertrend load, and export with content."
        )
    return checked, har.others, har.damaged


def _save_recipe(company_id: str, checked: Checked) -> None:
    from control.connections import get_connection
    from control.database import Database
    from control.recipes import save_recipe
    from core.settings import load_settings
    from producers.buildertrend.recipes import TIME_CLOCK, stated_differences

    if checked.recipe is None:
        raise ConfigurationError(f"The recording has no request for shifts to keep: {checked.no_recipe}.")
    database = Database(load_settings(), max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        if get_connection(tx, company_id) is None:
            raise ConfigurationError(f"Company {company_id} is not connected.")
        place = (company_id, TIME_CLOCK)
        differs = save_recipe(tx, place, checked.recipe.as_json(), stated_by="capture", differences=stated_differences)
        note(tx, "recipe-save", company_id, {"grid": TIME_CLOCK, "differs": ", ".join(differs)})
    Terminal(stderr=True, soft_wrap=True).print(
        f"Shifts of {visible(company_id)} are asked for like this from the next read on."
    )


def _finish(checked: Checked, *, shape: Path | None, as_json: bool, others: int, damaged: int) -> None:
    from producers.buildertrend.check.report import report_of

    report = report_of(checked)
    if damaged:
        report.look_at.append(f"{damaged:,} entries of the recording are damaged and were left out.")
    if shape is not None:
        _write(shape, json.dumps(checked.shape(), indent=1))
    _show(report, as_json=as_json, others=others)
    raise typer.Exit(report.exit_code)


def _show(report: Report, *, as_json: bool, others: int) -> None:
    from producers.buildertrend.check.report import lines_of

    if as_json:
        write_line(json.dumps({**report.as_json(), "others": others}))
        return
    first, *rest = lines_of(report)
    write_line(f"{first} {others:,} other requests are not its data." if others else first)
    for line in rest:
        write_line(line)


def _write(path: Path, text: str) -> None:
    try:
        write_private(path, text + "\n")
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror or 'unknown error'}.") from None
