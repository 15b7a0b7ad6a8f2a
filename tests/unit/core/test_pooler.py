"""The answer of a backend is waited for outside libpq, where a wait has an end and other threads go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

import core.pooler
from core.pooler import check_session


@dataclass
class Link:
    """A connection whose messages arrive one by one: the row, then the end of the answer."""

    socket: int
    arriving: list[int | None]
    _there: list[int | None] = field(default_factory=list)

    def send_query(self, _: bytes) -> None: ...

    def is_busy(self) -> bool:
        return not self._there

    def consume_input(self) -> None:
        self._there.append(self.arriving.pop(0))
        if not self.arriving:
            os.read(self.socket, 1)

    def get_result(self) -> Any:
        assert not self.is_busy(), "libpq would wait here, with the interpreter's lock"
        pid = self._there.pop(0)
        return None if pid is None else SimpleNamespace(get_value=lambda _row, _column: str(pid).encode())


@contextmanager
def connection(*arriving: int | None, silent: bool = False) -> Iterator[Any]:
    """A connection of a pooler, which gives its clients the number 7."""
    readable, writable = os.pipe()
    if not silent:
        os.write(writable, b"x")
    try:
        info = SimpleNamespace(backend_pid=7)
        yield SimpleNamespace(info=info, pgconn=Link(readable, list(arriving)), close=lambda: None)
    finally:
        os.close(readable)
        os.close(writable)


def test_check_session_answer_that_comes_in_pieces_is_waited_for_outside_libpq() -> None:
    with connection(*[5, None] * 7) as ours, connection(*[6, None] * 3) as others:
        check_session(ours, lambda: others)
    assert ours.pgconn.arriving == []


def test_check_session_backend_that_is_silent_is_none_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.pooler, "_PATIENCE_S", 0)
    with connection(*[5, None] * 2) as ours, connection(silent=True) as others:
        check_session(ours, lambda: others)


def test_check_session_answer_without_an_end_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.pooler, "_PATIENCE_S", 0)
    with connection(5) as ours, pytest.raises(psycopg.OperationalError, match="did not end its answer"):
        check_session(ours, lambda: ours)
