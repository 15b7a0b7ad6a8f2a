"""Text from outside is text: on the terminal, in logs, whatever it holds."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.terminal import Terminal, styled, table, write_line
from core.visible import visible, visible_lines

HOSTILE = [
    "[/bold]",
    "[link=https://evil.example]click[/link]",
    "[red]",
    ":skull:",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x9b31m",
    "a\rb",
    "a\x08\x08b",
    "\u202egnp.exe",
    "\ud800",
    "\u2028",
    "\U000e0041",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_terminal_prints_and_tabulates_outside_text_as_text(text: str) -> None:
    out = io.StringIO()
    terminal = Terminal(file=out, width=200, force_terminal=True, color_system="truecolor")
    terminal.print(f"before {text} after")
    terminal.print(styled(text, "bold"))
    shown = table(text)
    shown.add_row(text)
    terminal.print(shown)
    written = out.getvalue()
    written.encode()
    assert written.count(visible(text)) == 4
    assert "\x1b]" not in written
    assert not {"\x07", "\x9b", "\r", "\x08", "\u202e", "\u2028", "\U000e0041"} & set(written)


@given(st.text())
def test_visible_is_one_line_that_any_terminal_and_file_takes(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable() or not any(ord(one) < 0xA0 and not one.isprintable() for one in shown)
    shown.encode()


def test_visible_keeps_what_names_are_written_with() -> None:
    names = "José Ñúñez-O’Brien नमस्ते 👩\u200d🔧 ظاهر"
    assert visible(names) == names


def test_visible_lines_keeps_line_feeds_alone() -> None:
    assert visible_lines("a\n\tb\r\x1b[2J") == "a\n\tb\\r\\x1b[2J"


def test_write_line_shows_a_message_of_several_lines_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    write_line("Failed: no\nDone.\x1b[2J")
    assert capsys.readouterr().out == "Failed: no\\nDone.\\x1b[2J\n"
