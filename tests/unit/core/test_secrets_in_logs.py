"""No line of any logger holds a secret of the settings, in whatever form somebody else's code writes it."""

from __future__ import annotations

import json
import logging
import sys
import threading
from urllib.parse import quote

import pytest
from psycopg_pool import ConnectionPool, PoolTimeout

from core.log import configure_logging, get_logger
from core.settings import Settings
from tests import factories

PASSWORD = "Hunter2/ñ\"'\\@%"
TOKEN = "token-never-print"
KEY = "c2VjcmV0LWtleS1vZi0zMi1ieXRlcy1uZXZlci1wcmk="
FOREIGN = ("psycopg.pool", "confluent_kafka", "httpx", "faust.worker", "aiokafka.conn", "uvicorn.error", "py.warnings")


def settings(log_format: str) -> Settings:
    return factories.settings(
        log_format=log_format,
        log_level="DEBUG",
        database_url=f"postgresql://poller:{quote(PASSWORD, safe='')}@127.0.0.1:1/protiv",
        schema_registry_url=f"https://user:{TOKEN}@registry/",
        kafka_sasl_password=PASSWORD,
        credential_private_keys=f"k1:{KEY},k2:{KEY[::-1]}",
        oidc_client_secret=TOKEN,
    )


def assert_clean(written: str, *, lines: int) -> None:
    for secret in (PASSWORD, TOKEN, KEY, KEY[::-1], "Hunter2"):
        for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
            assert form not in written
    assert written.count("***") >= lines


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.usefixtures("restored_logging")
def test_line_of_any_logger_holds_no_secret_in_message_argument_or_exception(
    capsys: pytest.CaptureFixture[str], log_format: str, name: str
) -> None:
    configured = settings(log_format)
    configure_logging(configured, process="poller")
    url = configured.database_url.get_secret_value()
    foreign = logging.getLogger(name)
    foreign.warning(f"cannot connect to {url}")
    foreign.warning("refused %s for %r", TOKEN, {"sasl.password": PASSWORD})
    try:
        raise ValueError(f"invalid: {PASSWORD} and {KEY}")
    except ValueError:
        foreign.exception("failed")
    get_logger("ours").error("failed", cause=f"{url} {PASSWORD}")
    assert_clean(capsys.readouterr().err, lines=4)


@pytest.mark.usefixtures("restored_logging")
def test_line_that_quotes_an_address_of_somebody_else_holds_no_login(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(factories.settings(), process="poller")
    logging.getLogger("httpx").warning("at https://somebody:never-print@proxy:3128/, tell me@example.com")
    written = capsys.readouterr().err
    assert "https://***@proxy:3128/, tell me@example.com" in written


@pytest.mark.usefixtures("restored_logging")
def test_pool_that_cannot_read_an_address_logs_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(factories.settings(database_url=f"postgresql://u:{TOKEN}@127.0.0.1:1/x"), process="poller")
    with pytest.raises(PoolTimeout), ConnectionPool(f"postgresql://u:{TOKEN}%@127.0.0.1:1/x", open=False) as pool:
        pool.open(wait=True, timeout=0.2)
    written = capsys.readouterr().err
    assert "psycopg.pool" in written or "error connecting" in written
    assert TOKEN not in written


@pytest.mark.usefixtures("restored_logging")
def test_exception_that_ends_a_thread_or_the_process_is_logged_without_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    configure_logging(settings("json"), process="poller")

    def fail() -> None:
        raise ValueError(PASSWORD)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as exc:
        sys.excepthook(type(exc), exc, exc.__traceback__)
    written = capsys.readouterr().err
    assert_clean(written, lines=2)
    assert [json.loads(line)["event"] for line in written.splitlines()] == ["ended_by_an_exception"] * 2
