"""Nothing of ours prints to a terminal by rich's own console, which would read outside text as markup."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PARTS = (
    "cli",
    "console",
    "control",
    "core",
    "embedded",
    "producers",
    "reports",
    "sandbox",
    "schemas",
    "sinks",
    "streams",
)


def test_consoles_are_made_by_core_terminal_alone() -> None:
    made = [
        str(path.relative_to(ROOT))
        for part in PARTS
        for path in sorted((ROOT / part).rglob("*.py"))
        if re.search(r"(?<![\w.])Console\(|rich\.print|from_markup|markup=True", path.read_text(encoding="utf-8"))
    ]
    assert made == []
