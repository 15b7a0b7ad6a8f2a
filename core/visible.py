"""Text from outside as plain text: what would control a terminal, forge a line or turn its direction is escaped."""

from __future__ import annotations

import re

# Control characters (ESC and the C1 forms of its sequences among them), marks that turn the direction of text or are
# invisible, line separators, and lone surrogates, which no encoding can write. Joiners stay: names need them.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_ANY = re.compile(f"[{_UNSEEN}]")
_LINE_ENDS = "\n\t"


def visible(text: str) -> str:
    """One line: every such character as Python writes it, `\\x1b`, `\\n` or `\\u202e`."""
    return _ANY.sub(_escaped, text)


def visible_lines(text: str) -> str:
    """`visible`, but line feeds and tabs stay: for text of several lines that is ours, with outside text in it."""
    return _ANY.sub(lambda found: found[0] if found[0] in _LINE_ENDS else _escaped(found), text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
