"""`python -m sandbox`: serves a simulated Buildertrend until it is told to end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.control_api.bodies import NewCompany
from sandbox.control_api.boundary import read_body
from sandbox.directory import CompanyRequest
from sandbox.errors import SandboxError
from sandbox.serve import SandboxOptions, serve


def main(arguments: list[str] | None = None) -> int:
    """0 after a clean end, 2 for options that make no sense, 1 when it could not start."""
    try:
        options = _options(_parser().parse_args(arguments))
        serve(options, announce=_announce)
    except SandboxError as error:
        return _failed(2, f"{error}")
    except OSError as error:
        return _failed(1, f"cannot start: {error}")
    return 0


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _failed(code: int, reason: str) -> int:
    sys.stderr.write(f"sandbox: {reason}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--state", type=Path, help="directory that keeps companies and edits; without it in memory")
    parser.add_argument("--seed", type=int, help="with --jobs and --shifts: the company to create or reuse")
    parser.add_argument("--jobs", type=int, help="number of jobs, the General job included")
    parser.add_argument("--shifts", type=int, help="number of shifts")
    parser.add_argument("--time-zone", help="the company's time zone, such as America/Denver")
    parser.add_argument("--control-from", choices=("this-machine", "anywhere"), default="this-machine")
    parser.add_argument(
        "--name", action="append", default=[], help="a name under which it may be controlled; repeatable"
    )
    return parser


def _options(given: argparse.Namespace) -> SandboxOptions:
    wanted = {name: getattr(given, name) for name in ("seed", "jobs", "shifts", "time_zone")}
    stated = {name: value for name, value in wanted.items() if value is not None}
    company = CompanyRequest(**read_body(NewCompany, stated).model_dump()) if stated else None
    return SandboxOptions(
        given.host,
        given.port,
        given.state,
        company=company,
        control_from=given.control_from,
        names=tuple(given.name),
    )


if __name__ == "__main__":
    sys.exit(main())
