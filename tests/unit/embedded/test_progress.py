"""What people see of a download when there is no terminal."""

from __future__ import annotations

import io

from rich.console import Console

from embedded.progress import ConsoleProgress


def test_downloading_without_terminal_says_every_tenth_once() -> None:
    written = io.StringIO()
    with ConsoleProgress(Console(file=written)).downloading(100_000_000) as advance:
        for _ in range(100):
            advance(1_000_000)
    lines = written.getvalue().splitlines()
    assert lines == [f"Downloaded {done} of 100 MB." for done in range(10, 101, 10)]


def test_downloading_more_than_announced_goes_on_quietly() -> None:
    written = io.StringIO()
    with ConsoleProgress(Console(file=written)).downloading(10) as advance:
        advance(10)
        advance(10)
    assert len(written.getvalue().splitlines()) == 1


def test_say_long_sentence_stays_on_one_line() -> None:
    written = io.StringIO()
    ConsoleProgress(Console(file=written, width=20)).show("word " * 20)
    assert len(written.getvalue().splitlines()) == 1
