"""`python -m sandbox`: serves a simulated Buildertrend until the process is told to end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from sandbox.control_api.bodies import NewCompany
from sandbox.control_api.boundary import read_body
from sandbox.directory import CompanyRequest
from sandbox.errors import SandboxError
from sandbox.serve import SandboxOptions, serve
from sandbox.shape import Shape, read_shape

app = typer.Typer(add_completion=False)


@app.command()
def main(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
    state: Annotated[Path | None, typer.Option(help="Folder that keeps companies and edits; else in memory.")] = None,
    seed: Annotated[int | None, typer.Option(help="With --jobs and --shifts: the company to create or reuse.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Number of jobs, the General one included.")] = None,
    shifts: Annotated[int | None, typer.Option(help="Number of shifts.")] = None,
    kind: Annotated[
        Literal["projects", "service"] | None, typer.Option(help="What it does: projects, or mostly General time.")
    ] = None,
    years: Annotated[int | None, typer.Option(help="How many years back its shifts go.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="The company's time zone, as America/Denver.")] = None,
    shape: Annotated[Path | None, typer.Option(help="A shape.json of `source check`: speak the way it says.")] = None,
    control_from: Annotated[
        Literal["this-machine", "anywhere"], typer.Option(help="Who may use the control API.")
    ] = "this-machine",
    name: Annotated[list[str] | None, typer.Option(help="Host name of the control API; repeatable.")] = None,
) -> None:
    """Serve a simulated Buildertrend; prints one JSON line when it is ready.

    Exits with 0 after a clean end, 2 for wrong options, 1 if it cannot start.
    """
    given = {"seed": seed, "jobs": jobs, "shifts": shifts, "time_zone": time_zone, "kind": kind, "years": years}
    try:
        spoken = Shape() if shape is None else read_shape(shape.read_text(encoding="utf-8", errors="replace"))
        company = _company(spoken.size | {option: value for option, value in given.items() if value is not None})
        options = SandboxOptions(
            host,
            port,
            state,
            company=company,
            control_from=control_from,
            names=tuple(name or ()),
            switches=spoken.switches,
        )
        serve(options, announce=_announce)
    except SandboxError as error:
        raise _failed(2, f"{error}") from None
    except OSError as error:
        raise _failed(1, f"cannot start: {error}") from None


def _company(given: dict[str, object]) -> CompanyRequest | None:
    """The company of the options; None without any, for the companies that the state folder has."""
    return CompanyRequest(**read_body(NewCompany, given).model_dump()) if given else None


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _failed(code: int, reason: str) -> typer.Exit:
    sys.stderr.write(f"sandbox: {reason}\n")
    return typer.Exit(code)


if __name__ == "__main__":
    app(prog_name="python -m sandbox")
