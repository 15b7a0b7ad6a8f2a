"""Renders templates. Everything that comes from a row is escaped; a name that is missing is an error."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.access import changes, sees_all
from console.words import absolute, day_words, hours, known_moment, zone

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


class Pages:
    """Every page, from the templates beside this file."""

    def __init__(self, *, has_openid: bool) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "assets": _assets_version(),
            "has_openid": has_openid,
            "changes": changes,
            "sees_all": sees_all,
        }
        self._templates.filters |= {
            "number": lambda count: f"{count:,}",
            "hours": hours,
            "day": day_words,
            "path": lambda text: quote(str(text), safe=""),
            "query": lambda fields: urlencode({name: value for name, value in fields.items() if value}),
        }

    def render(self, template: str, now: datetime, **values: Any) -> str:
        """The template with its values; `utc(at)` words an instant that has no company's zone."""
        utc = zone("UTC")
        frame = {
            "read_at": absolute(now, utc),
            "utc": lambda at: known_moment(at, now, utc),
        }
        return self._templates.get_template(template).render(**frame, **values)


def _assets_version() -> str:
    """Changes when any static file does, so that a browser never mixes two versions."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
