"""Passwords and a session that would be known anywhere: they are in no byte that any process leaves behind."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from cli.local import LocalStack, SandboxCompany
from embedded.progress import SilentProgress
from sandbox.client import SandboxControl

RIGHT = "canary-Kx7#Qz9!vW2-right"
WRONG = "canary-Kx7#Qz9!vW2-wrong"
ACCOUNT = SandboxCompany(seed=11, jobs=5, shifts=300)


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it is, and as something that writes files may have turned it."""
    raw = secret.encode()
    yield raw
    yield quote(secret).encode()
    yield raw.hex().encode()
    yield secret.encode("utf-16-le")
    for lead in range(3):
        # Base64 of the secret inside a longer text: the part that does not depend on its neighbours.
        yield base64.b64encode(b"-" * lead + raw)[4:-4]


def holding(folder: Path, secrets: list[str]) -> list[str]:
    """Files of the data folder that hold a secret in any form; the sandbox's own state knows its password."""
    wanted = [form for secret in secrets for form in forms(secret)]
    paths = [path for path in folder.rglob("*") if path.is_file() and "sandbox" not in path.relative_to(folder).parts]
    assert len(paths) > 100, "The folders of the brokers and the database are looked through."
    return [str(path) for path in paths if any(form in path.read_bytes() for form in wanted)]


def connect(stack: LocalStack, profile: dict[str, Any], password: str) -> subprocess.CompletedProcess[str]:
    """As an admin does it, with the password from standard input; waits for the first sync."""
    lines = [line for line in stack.settings_file.read_text().splitlines() if not line.startswith("#")]
    options = [f"--username={profile['username']}", f"--time-zone={profile['time_zone']}", "--password-stdin"]
    return subprocess.run(
        [sys.executable, "-m", "cli", "connect", "canary", *options, "--wait", "--json"],
        input=password,
        env=os.environ | dict(line.split("=", 1) for line in lines),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(300)
def test_secrets_are_in_no_byte_of_brokers_database_logs_events_and_pages(
    tmp_path: Path,
) -> None:
    stated = {"LOG_LEVEL": "DEBUG"}
    with LocalStack(tmp_path, sandbox=ACCOUNT, stated=stated, gap_ms=0) as stack, httpx.Client(timeout=30) as sender:
        addresses, _settings = stack.start(SilentProgress())
        control = SandboxControl(addresses.sandbox, sender=sender)
        control.change_company(password=RIGHT)
        profile = control.company
        answers = [connect(stack, profile, f" {RIGHT} ")]
        cut_off = {"path_contains": "TimeClock", "how": "truncated", "times": 9}
        control.set_switches(session_calls=3, spoil_next=[cut_off])
        answers.append(connect(stack, profile, RIGHT))
        control.heal()
        answers += [connect(stack, profile, WRONG), connect(stack, profile, RIGHT)]
        pages = [httpx.get(addresses.console + path).text for path in ("/", "/health", "/metrics")]
    assert [answer.returncode for answer in answers] == [0, 1, 1, 0]
    assert all("canary-" not in page for page in pages)
    assert all("canary-" not in answer.stdout + answer.stderr for answer in answers)
    assert holding(tmp_path, [RIGHT, WRONG]) == []
    assert b"run_completed" in (tmp_path / "logs" / "poller.log").read_bytes()
