"""The terminal of the commands: plain strings are printed as text, whoever wrote them; only `styled` text has style.

Rich would read `[/bold]`, `[link=…]` or `:smile:` in a company's name as markup, and pass `ESC` on to the terminal.
"""

from __future__ import annotations

import sys
from typing import IO, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.visible import visible, visible_lines


class Terminal(Console):
    """A console without markup, emoji codes and highlighting, that shows control characters as escapes."""

    def __init__(self, *, stderr: bool = False, file: IO[str] | None = None, **options: Any) -> None:
        super().__init__(stderr=stderr, file=file, markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Every plain string passes here: what is printed and what is in a table's cell."""
        return super().render_str(visible_lines(text), **options)


def styled(text: str, style: str) -> Text:
    """A piece of text in a style such as `bold` or `red`; it is one line."""
    return Text(visible(text), style=style)


def table(*columns: str) -> Table:
    """An empty table without lines; its cells wrap."""
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name, overflow="fold")
    return made


def write_line(text: str) -> None:
    """A line on standard output that holds what others wrote."""
    sys.stdout.write(f"{visible(text)}\n")
