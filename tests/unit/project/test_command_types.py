"""Every type of command can be sent from the CLI, and has its words in the console."""

from __future__ import annotations

import pytest

from cli.main import app
from console.routes.operating import ACTIONS
from schemas.commands import CommandType


@pytest.mark.parametrize("kind", CommandType)
def test_type_of_command_is_known_to_cli_and_console(kind: CommandType) -> None:
    assert kind in {command.name for command in app.registered_commands}
    assert kind in ACTIONS
