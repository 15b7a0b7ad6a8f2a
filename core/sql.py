"""Named statements kept in `.sql` files: each begins with `-- name: <name>`, comment lines after it describe it."""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType

_NAME = re.compile(r"^-- name: ([a-z_]+)\n", re.MULTILINE)


def read_statements(path: Path) -> MappingProxyType[str, bytes]:
    """Statement text by name, as bytes for psycopg, which takes them for trusted constants."""
    parts = _NAME.split(path.read_text())
    return MappingProxyType(
        {name: text.strip().rstrip(";").encode() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    )
