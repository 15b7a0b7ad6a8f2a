"""Which names of fields and parts of paths may be shown: any other may be a value, as in an object keyed by worker.

A name is shown if the adapter knows it, or if it consists of words of a fixed list only.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from producers.buildertrend.reads.rows import (
    BudgetLine,
    CostCodeRow,
    ListedJob,
    ListedUser,
    PickerJob,
    Row,
    Shift,
    WorksheetLine,
)

HIDDEN = "*"
_FOLDER = Path(__file__).parent
_LONGEST = 48
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", re.ASCII)
_IDENTIFIER = re.compile(r"[a-z][A-Za-z]*", re.ASCII)
_WORDS_WITH_DASHES = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*", re.ASCII)
_VERSION = re.compile(r"v[0-9]", re.ASCII)
_ROWS: tuple[type[Row], ...] = (Shift, PickerJob, ListedJob, ListedUser, CostCodeRow, BudgetLine, WorksheetLine)
KNOWN = frozenset((_FOLDER / "wire_names.txt").read_text("ascii").split()) | {
    name for row in _ROWS for each in (*row.spellings.values(), *(known for _, known in row.parts)) for name in each
}
# Words of programs and of this trade; none is a person's, a place's or a company's own.
_WORDS = frozenset((_FOLDER / "plain_words.txt").read_text("ascii").split())


@lru_cache(maxsize=16_384)
def safe_name(name: str) -> str:
    """The name, or `*` if it may be a value."""
    if name in KNOWN:
        return name
    if len(name) > _LONGEST or not _IDENTIFIER.fullmatch(name):
        return HIDDEN
    return name if all(word.lower() in _WORDS for word in _CAMEL.findall(name)) else HIDDEN


def safe_segment(segment: str) -> str:
    """A part of an address, or `*` if it may be a value."""
    if _VERSION.fullmatch(segment):
        return segment
    if len(segment) > _LONGEST or not _WORDS_WITH_DASHES.fullmatch(segment):
        return HIDDEN
    return segment if all(word.lower() in _WORDS for word in _CAMEL.findall(segment)) else HIDDEN
