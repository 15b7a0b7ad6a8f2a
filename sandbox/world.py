"""The state of one running sandbox, available to every endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from starlette.requests import Request

from sandbox.directory import Directory
from sandbox.sessions import CounterBook, Sessions
from sandbox.state import StateFile


@dataclass(frozen=True, slots=True)
class World:
    """The companies, their sessions and their counters."""

    state: StateFile
    directory: Directory
    sessions: Sessions = field(default_factory=Sessions)
    counters: CounterBook = field(default_factory=CounterBook)

    def close(self) -> None:
        self.state.close()


def open_world(state_dir: Path | None) -> World:
    state = StateFile(state_dir)
    return World(state, Directory(state))


def world_of(request: Request) -> World:
    return cast(World, request.app.state.world)
