"""Renders the overview as HTML. Everything that comes from a row is escaped; a name that is missing is an error."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.cards import Card, card, summary
from console.live import Shown
from console.overview import COMPANIES_A_PAGE, Overview, Wanted
from console.words import absolute, zone
from core.clock import Clock

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


class Pages:
    """The page and the part of it that is refreshed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["assets"] = _assets_version()
        self._templates.filters["number"] = lambda count: f"{count:,}"

    def page(self, shown: Shown[Overview], wanted: Wanted) -> str:
        """The whole document."""
        return self._render("page.html", shown, wanted)

    def fragment(self, shown: Shown[Overview], wanted: Wanted) -> str:
        """What the page's script puts in the place of the content."""
        return self._render("fragment.html", shown, wanted)

    def _render(self, template: str, shown: Shown[Overview], wanted: Wanted) -> str:
        now = self._clock.now()
        overview = shown.value
        return self._templates.get_template(template).render(
            problem=shown.problem,
            overview=overview,
            cards=_cards(overview, now),
            summary=summary(overview.listing.total, overview.listing.attention) if overview else "",
            read_at=absolute(overview.read_at, zone("UTC")) if overview else "",
            wanted=wanted,
            here=_query(wanted),
            is_searchable=bool(wanted.find) or (overview is not None and overview.listing.total > COMPANIES_A_PAGE),
            link=lambda page: _query(Wanted(wanted.find, page)),
        )


def _cards(overview: Overview | None, now: datetime) -> list[Card]:
    return [card(company, now) for company in overview.companies] if overview else []


def _query(wanted: Wanted) -> str:
    fields = {"find": wanted.find, "page": wanted.page if wanted.page > 1 else ""}
    return urlencode({name: value for name, value in fields.items() if value})


def _assets_version() -> str:
    """Changes when any static file does, so that a browser never mixes two versions."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
