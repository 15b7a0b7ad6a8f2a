"""A Buildertrend cost code as the canonical record of `protiv.cost-codes`: the code split from the title shown."""

from __future__ import annotations

import re

from schemas.catalogue import COST_CODES
from schemas.codec import Record
from streams.normalise.envelope import envelope
from streams.normalise.values import identifier, text

# "01.02 General Carpentry", "02.3070. Site Work", "02-110A - Framing"; not "2nd floor".
_CODE_IN_FRONT = re.compile(r"\s*(\d+(?:[.\-]\d+)*[A-Za-z]?)\.*(?:\s+|$)")


def normalise_cost_code(change: Record) -> Record:
    """The code is the stated one, else the number in front of the title; trailing dots do not belong to it."""
    stated = change["after"]
    identifier(stated["id"], "cost code id")
    title = text(stated["title"], "cost code title")
    code, name = split_title(title, text(stated["code"], "code"))
    return envelope(COST_CODES, change) | {
        "code": code,
        "name": name,
        "title": title,
        "category": text(stated["category"], "category"),
        "active": stated["isActive"],
    }


def split_title(title: str | None, stated_code: str | None) -> tuple[str | None, str | None]:
    """(code, name) of a title; each None where there is none."""
    code = (stated_code or "").strip().rstrip(".") or None
    shown = (title or "").strip()
    match = _CODE_IN_FRONT.match(shown)
    if match and code in (None, match[1]):
        return match[1], _name(shown[match.end() :])
    if code and (rest := shown.removeprefix(code)) != shown and not rest[:1].isalnum():
        return code, _name(rest.lstrip("."))
    return code, shown or None


def _name(rest: str) -> str | None:
    return rest.strip().lstrip("-–—:").strip() or None
