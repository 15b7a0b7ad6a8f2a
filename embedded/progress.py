"""What a start shows its user: sentences, and the progress of the first start's download. On a terminal that is a bar,
elsewhere a line at every tenth; nothing for programs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

Advance = Callable[[int], None]


class StartProgress(Protocol):
    """`show` gets whole sentences; `downloading` yields a function that takes each chunk's bytes, from any thread."""

    def show(self, sentence: str) -> None: ...

    def downloading(self, total_bytes: int) -> AbstractContextManager[Advance]: ...


class SilentProgress:
    """For programs and tests."""

    def show(self, sentence: str) -> None:
        """Shows nothing."""

    def downloading(self, total_bytes: int) -> AbstractContextManager[Advance]:
        del total_bytes
        return nullcontext(lambda _count: None)


class ConsoleProgress:
    """For people; give it a console on standard error when standard output belongs to a program."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def downloading(self, total_bytes: int) -> Iterator[Advance]:
        if not self._console.is_terminal:
            yield _TenthLines(self.show, total_bytes).advance
            return
        columns = (TextColumn("Downloading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=self._console) as bar:
            task = bar.add_task("download", total=total_bytes)
            yield lambda count: bar.advance(task, count)


class _TenthLines:
    """A line at every tenth of the way, for logs and pipes."""

    def __init__(self, show: Callable[[str], None], total_bytes: int) -> None:
        self._show = show
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._lock = threading.Lock()

    def advance(self, count: int) -> None:
        with self._lock:
            before = self._done_bytes * 10 // self._total_bytes
            self._done_bytes += count
            after = min(10, self._done_bytes * 10 // self._total_bytes)
            if after > before:
                self._show(f"Downloaded {self._done_bytes / 1e6:.0f} of {self._total_bytes / 1e6:.0f} MB.")
