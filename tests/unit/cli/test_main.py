"""Exit codes and error sentences of the command line."""

from __future__ import annotations

import io
import json
import sys

import pytest

from cli.main import app, main, run
from core.errors import ConfigurationError, FatalError, IntegrationError
from core.settings import Settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """No setting from the environment or from files of the folder."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(str(tmp_path))


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("demo", "up", "sandbox", "setup", "poller", "streams", "sink", "connect", "sync", "status", "topics"):
        assert f"  {name} " in shown


def test_keys_new_prints_a_pair_that_the_vault_takes(capsys: pytest.CaptureFixture[str]) -> None:
    from control.vault import Opener, Sealer
    from core.settings import load_settings

    assert main(["keys", "new", "--key-id", "k1", "--json"]) == 0
    pair = json.loads(capsys.readouterr().out)
    settings = load_settings(**{name.lower(): value for name, value in pair.items()})
    sealed = Sealer.from_settings(settings).seal(b"secret", company_id="c1", kind="password")
    assert Opener.from_settings(settings).open(sealed, company_id="c1", kind="password") == b"secret"


def test_keys_new_twice_on_one_day_gives_different_ids(capsys: pytest.CaptureFixture[str]) -> None:
    ids = set()
    for _ in range(3):
        assert main(["keys", "new", "--json"]) == 0
        ids.add(json.loads(capsys.readouterr().out)["CREDENTIAL_PUBLIC_KEY"].partition(":")[0])
    assert len(ids) == 3


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["sync"], ["demo", "--jobs", "many"], ["demo", "--jobs", "1"]]
)
def test_wrong_usage_exits_2_and_says_what(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Error" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["setup", "status", "poller", "streams", "sink", "console"])
def test_missing_setting_exits_2_and_is_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 2
    shown = capsys.readouterr().err
    assert "is not set. It takes" in shown
    assert "Traceback" not in shown


def test_wrong_setting_exits_2_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLL_INTERVAL_S", "soon")
    assert main(["status"]) == 2
    assert "POLL_INTERVAL_S is wrong" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(ConfigurationError("set X"), 2), (FatalError("it broke"), 1)])
def test_our_errors_are_one_sentence_on_stderr(
    error: IntegrationError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_options: object) -> None:
        raise error

    monkeypatch.setattr("cli.main.app", fail)
    assert main([]) == code
    assert capsys.readouterr().err == f"Error: {error}\n"


def test_every_command_has_a_help_sentence() -> None:
    assert all(command.callback and command.callback.__doc__ for command in app.registered_commands)


def test_run_unforeseen_error_shows_its_trace_as_text_and_exits_1(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def odd(_arguments: list[str]) -> int:
        raise ValueError("\x1b]52;c;cm0=\x07 \ud800 José")

    monkeypatch.setattr("cli.main.main", odd)
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(sys.stderr.buffer, encoding="ascii", write_through=True))
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 1
    shown = capfd.readouterr().err
    assert "ValueError" in shown
    assert r"\x1b]52;c;cm0=\x07 \ud800 Jos\xe9" in shown
    assert "\x1b" not in shown
