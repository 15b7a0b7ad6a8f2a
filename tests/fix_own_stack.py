"""An embedded stack of a test's own, whose parts may be taken away for a while."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from embedded.process import ChildProcess
from embedded.stack import EmbeddedStack
from tests.fix_stack import Stack, set_up

_READY_S = 60


class OwnStack:
    """`stack` is set up like the one that tests share; its parts keep their data under `folder`."""

    def __init__(self, closing: ExitStack, folder: Path) -> None:
        self._closing = closing
        self.folder = folder
        self._embedded = closing.enter_context(EmbeddedStack(folder))
        self.stack: Stack = set_up(closing, self._embedded.start())
        self._parts = {child.name: child for child in self._embedded.supervisor.children}

    def take_away(self, name: str, seconds: float = 0, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Stop a part for a while and start it again."""
        stopped = self._parts[name]
        stopped.stop()
        time.sleep(seconds)
        meanwhile()
        self._parts[name] = again = ChildProcess(stopped.command)
        self._closing.callback(again.stop)
        again.start()
        again.wait_ready(_READY_S)


@pytest.fixture
def own_stack() -> Iterator[OwnStack]:
    with ExitStack() as closing:
        # Not in pytest's folder: that is closed to others, and Postgres runs as another user than root.
        folder = closing.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        yield OwnStack(closing, Path(folder))
