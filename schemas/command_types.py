"""The types of commands, declared once: what each takes, and how it is done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandType:
    """`reads`: it is done by reading the source. `interrupts`: it does not wait for a read under way.

    `for_all`: it may name all companies. `entities`, `dates`, `target`: it takes these fields.
    """

    name: str
    reads: bool = False
    interrupts: bool = False
    for_all: bool = True
    entities: bool = False
    dates: bool = False
    target: bool = False


_ALL = (
    CommandType("sync", reads=True, entities=True),
    CommandType("full-sync", reads=True, entities=True),
    CommandType("backfill", reads=True, entities=True, dates=True),
    CommandType("pause", interrupts=True),
    CommandType("resume"),
    CommandType("cancel", interrupts=True, target=True),
    CommandType("disconnect", interrupts=True, for_all=False),
    CommandType("release-deletions", reads=True, entities=True),
    CommandType("replay-dead-letters", entities=True),
)
TYPES = {one.name: one for one in _ALL}
INTERRUPTING = tuple(one.name for one in _ALL if one.interrupts)
# A sync asks for what is recent: any read that goes on has it, save what was changed behind its reading position. For
# that another read follows, if it had begun.
JOINING = ("sync",)
