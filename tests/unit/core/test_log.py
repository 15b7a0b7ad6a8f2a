"""Logs: an exception's trace shows where, never the values that were there (a password may be one of them)."""

from __future__ import annotations

import json
import logging

import pytest

from core.log import configure_logging, get_logger
from tests import factories

SECRET = "hunter2-never-print"


def log_a_crash() -> None:
    passwords = [SECRET]
    try:
        raise ValueError(len(passwords))
    except ValueError:
        get_logger("test").exception("run_crashed", company_id="c1")


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("log_level", ["DEBUG", "INFO"])
@pytest.mark.usefixtures("restored_logging")
def test_log_of_an_exception_shows_the_trace_and_no_local_value(
    capsys: pytest.CaptureFixture[str], log_format: str, log_level: str
) -> None:
    configure_logging(factories.settings(log_format=log_format, log_level=log_level), process="poller")
    log_a_crash()
    written = capsys.readouterr().err
    assert "run_crashed" in written
    assert "ValueError" in written
    assert "log_a_crash" in written
    assert SECRET not in written


@pytest.mark.usefixtures("restored_logging")
def test_json_log_line_has_process_level_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(factories.settings(log_format="json"), process="poller")
    get_logger("test").info("run_started", company_id="c1")
    logging.getLogger("a.library").warning("plain text")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())
    assert ours.items() >= {"event": "run_started", "company_id": "c1", "process": "poller", "level": "info"}.items()
    assert theirs.items() >= {"event": "plain text", "process": "poller", "level": "warning"}.items()


@pytest.mark.usefixtures("restored_logging")
def test_log_level_hides_what_is_below_it_and_the_http_clients_requests(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(factories.settings(log_level="INFO", log_format="json"), process="poller")
    get_logger("test").debug("hidden")
    logging.getLogger("httpx").info("HTTP Request: POST https://user:secret@host/")
    assert capsys.readouterr().err == ""


HOSTILE = "x\x1b]52;c;cm0=\x07\n2026-11-27 [info ] all_is_well\x9b2J"


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.usefixtures("restored_logging")
def test_log_of_outside_text_cannot_steer_a_terminal_or_look_like_another_line(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logging(factories.settings(log_format=log_format), process="poller")
    get_logger("test").info("run_started", company_id=HOSTILE, **{HOSTILE: 1})
    logging.getLogger("a.library").warning("refused %s", HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("a.library").exception("failed")
        get_logger("test").exception("run_crashed", reason=HOSTILE.replace(" ", ""))
    written = capsys.readouterr().err
    assert written.count("all_is_well") >= 5
    assert not {"\x1b", "\x07", "\x9b"} & set(written)
    assert not [line for line in written.splitlines() if line.startswith("2026-11-27 [info ]")]
