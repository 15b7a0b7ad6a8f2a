"""The demo is right on any machine: whatever settings, shell and folders somebody else left there."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from embedded.artifacts import ensure_files
from embedded.lockfile import read_lock
from embedded.progress import SilentProgress
from tests.fix_demo import clean_environment, demo_command, end, next_line, temporary_folder
from tests.soak import rounds


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is odd about a machine; `before` runs before the demo, in its shell."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    before: str = ":"
    data: str = ".data"
    dotenv: bytes | None = None


ALONE = (
    Surroundings("letters beyond ASCII", data="Bücher/dätä 🏗"),
    Surroundings("a C locale", {"LC_ALL": "C", "LANG": "C"}, data="dätä"),
    Surroundings("a SOCKS proxy for all", {"ALL_PROXY": "socks5://127.0.0.1:1", "NO_PROXY": "::1,[::1]"}),
    Surroundings("proxies that are away", {"HTTP_PROXY": "http://127.0.0.1:1", "https_proxy": "nonsense://x"}),
    Surroundings("PGSSLMODE", {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/nowhere"}),
    Surroundings("PGHOSTADDR", {"PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGSERVICE": "elsewhere"}),
    Surroundings("PGOPTIONS", {"PGOPTIONS": "-c default_transaction_read_only=on", "PGCLIENTENCODING": "LATIN1"}),
    Surroundings(
        "another deployment's settings",
        {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "DATABASE_URL": "postgresql://a:b@192.0.2.1/c", "METRICS_HOST": "::1"},
    ),
    Surroundings("a .env of another deployment", dotenv=b"KAFKA_SASL_MECHANISM=x\nQUARKUS_LOG_LEVEL=x\nLOG_LEVEL=x\n"),
    Surroundings("a .env that is not UTF-8", dotenv=b"DATABASE_URL=postgresql://jos\xe9@host/db\n"),
    Surroundings("umask 077", before="umask 077"),
    Surroundings("umask 000", before="umask 000"),
    Surroundings("JVM options", {"JAVA_TOOL_OPTIONS": "-Xmx8m", "CLASSPATH": "/nowhere", "KAFKA_OPTS": "-Dx"}),
)
# All that can be together, in one start.
TOGETHER = Surroundings(
    "all of these together",
    {name: value for one in ALONE for name, value in one.environment.items()},
    before="umask 077",
    data="Bücher/dätä 🏗",
    dotenv=b"KAFKA_SASL_MECHANISM=nonsense\nQUARKUS_LOG_LEVEL=x\nLOG_LEVEL=\xff\n",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture(scope="session")
def downloaded() -> None:
    """The servers' files are here: behind a proxy that is away nobody could fetch them."""
    ensure_files(read_lock(), SilentProgress())


@pytest.mark.usefixtures("downloaded")
@pytest.mark.parametrize("odd", rounds(usual=(TOGETHER,), soak=(TOGETHER, *ALONE)), ids=lambda odd: odd.name)
def test_demo_is_right_on_an_odd_machine(folder: Path, odd: Surroundings) -> None:
    if odd.dotenv is not None:
        (folder / ".env").write_bytes(odd.dotenv)
    done = subprocess.run(
        ["sh", "-c", f'{odd.before}; exec "$@"', "sh", *demo_command("--once", "--data", odd.data)],
        cwd=folder,
        env=clean_environment() | odd.environment,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["source"] == result["database"]
    assert result["source"]["time_entries"] == 400
    assert (folder / odd.data).stat().st_mode & 0o007 == 0


def test_demo_that_a_shell_runs_in_the_background_ends_on_sigint(folder: Path) -> None:
    """Such a shell has its jobs ignore SIGINT."""
    with (folder / "demo.err").open("w") as errors:
        process = subprocess.Popen(
            ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *demo_command()],
            cwd=folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        next_line(process, folder)
        next_line(process, folder)
        assert end(process, signal.SIGINT) == 0
        assert not (folder / ".data" / "running.env").exists()
    finally:
        process.kill()
        process.wait()


def test_demo_with_too_few_open_files_says_what_to_set(folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *demo_command("--once")],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "limit of open files is 256" in done.stderr
    assert "Traceback" not in done.stderr
