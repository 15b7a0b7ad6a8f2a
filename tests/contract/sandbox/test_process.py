"""`python -m sandbox`: one JSON line when ready, edits survive a restart, a clean end, errors in one sentence."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.client import SandboxControl


@contextmanager
def sandbox(*options: str, end_with: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, Any]]:
    """A running sandbox; what it announced. Its end must be clean and quiet."""
    command = [sys.executable, "-m", "sandbox", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(end_with)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def ended(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("end_with", [signal.SIGTERM, signal.SIGINT])
def test_process_announces_itself_and_ends_cleanly(end_with: signal.Signals) -> None:
    options = ("--seed", "4", "--jobs", "3", "--shifts", "20", "--time-zone", "America/New_York")
    with sandbox(*options, end_with=end_with) as ready:
        company = ready["company"]
        assert (company["seed"], company["jobs"], company["shifts"]) == (4, 3, 20)
        assert company["time_zone"] == "America/New_York"
        assert company["username"].startswith("integration+s4-3-20@")
        with httpx.Client() as client:
            assert SandboxControl(ready["url"], sender=client).summary()["time_entries"] == 20


def test_shape_of_a_capture_is_spoken_and_stated_sizes_win(tmp_path: Path) -> None:
    fields = [{"path": "data.costCodesWithBudget", "types": {"null": 1.0}}]
    codes = {"kind": "cost codes", "fields": fields}
    shape = tmp_path / "shape.json"
    shape.write_text(json.dumps({"format": "protiv-buildertrend-shape/1", "endpoints": [codes]}))
    with sandbox("--shape", str(shape), "--jobs", "4", "--shifts", "20") as ready, httpx.Client() as client:
        assert ready["company"]["jobs"] == 4
        switches = SandboxControl(ready["url"], sender=client).switches()
        assert (switches["cost_code_place"], switches["empty_codes"]) == ("data", "null")
    shape.write_text("{}")
    assert ended("--shape", str(shape)).returncode == 2


def test_reset_is_a_tcp_reset_and_the_process_takes_it_for_no_error_of_its_own() -> None:
    """Seen below HTTP, where a close in the middle of an answer is an orderly end of the stream."""
    with sandbox("--seed", "4", "--jobs", "1", "--shifts", "0") as ready, httpx.Client() as client:
        control = SandboxControl(ready["url"], sender=client)
        for how, end in (("reset", ConnectionResetError), ("close", None)):
            control.set_switches(spoil_next=[{"path_contains": "/api", "how": how, "after_bytes": 5}])
            assert end_of_stream(httpx.URL(ready["url"]), ready["company"]["username"]) == end


def end_of_stream(url: httpx.URL, username: str) -> type[Exception] | None:
    """How the stream of a refused sign-in ends: None for an orderly end."""
    body = json.dumps({"username": username, "password": "x"})
    head = f"POST /api/Login/AjaxLogin HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80), timeout=10) as stream:
        stream.sendall((head + body).encode())
        try:
            while stream.recv(65536):
                pass
        except OSError as error:
            return type(error)
    return None


def test_process_started_again_has_the_edits_and_the_switches(tmp_path: Path) -> None:
    options = ("--state", str(tmp_path), "--seed", "4", "--jobs", "3", "--shifts", "20")
    with httpx.Client() as client:
        with sandbox(*options) as ready:
            control = SandboxControl(ready["url"], sender=client)
            job_id = control.listed("jobs")[1]["id"]
            control.rename_job(job_id, "Kept")
            gone = control.listed("shifts")[0]["id"]
            control.delete_shift(gone)
            control.change_company(password="Kept-1")
            control.set_switches(users_endpoint="500")
            before = control.summary()
        with sandbox(*options) as ready:
            control = SandboxControl(ready["url"], sender=client)
            assert ready["company"]["password"] == "Kept-1"
            assert control.summary() == before
            assert control.record("jobs", job_id)["name"] == "Kept"
            assert control.switches()["users_endpoint"] == "500"
            added = control.add_shift(job_id=0, user_id=control.listed("users")[0]["id"], time_in="2026-06-01T07:00")
            assert added["id"] > gone


def test_process_without_company_options_serves_what_the_state_has(tmp_path: Path) -> None:
    with sandbox("--state", str(tmp_path), "--seed", "4", "--jobs", "3", "--shifts", "20") as first:
        pass
    with sandbox("--state", str(tmp_path)) as second:
        assert second["company"] == first["company"]


def test_process_with_a_wrong_option_says_which_in_one_line() -> None:
    done = ended("--time-zone", "Mars/Base")
    assert done.returncode == 2
    assert "time_zone" in done.stderr
    assert done.stderr.count("\n") == 1


def test_process_on_a_taken_port_says_so_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ended("--jobs", "1", "--shifts", "0", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert done.stderr.startswith("sandbox: cannot start: ")
    assert done.stderr.count("\n") == 1
