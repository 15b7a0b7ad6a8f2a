"""Takes exchanges one after another and keeps what docs/shape.md and the report need: counts, and no answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from producers.buildertrend.bodies import TIME_CLOCK_COLUMNS
from producers.buildertrend.check import exchange as of
from producers.buildertrend.check.exchange import Endpoint, Exchange, endpoint_of
from producers.buildertrend.check.facts import Facts
from producers.buildertrend.check.findings import Findings
from producers.buildertrend.check.grids import Grid, newest_first, rows_of
from producers.buildertrend.check.list_facts import see_list
from producers.buildertrend.check.places import place_json, share, step
from producers.buildertrend.check.shift_facts import CodeIds, see_shift
from producers.buildertrend.check.understanding import understand
from producers.buildertrend.decoding import NotJsonError, decoded
from producers.buildertrend.recipes import NoRecipeError, Recipe, recipe_of

FORMAT = "protiv-buildertrend-shape/1"
_MOST_ENDPOINTS = 500
_ENVELOPE = frozenset({"success", "data"})
_CAPTURED_COLUMNS = frozenset(TIME_CLOCK_COLUMNS)


@dataclass(slots=True)
class Checked:
    """What was found. `recipe`: how the newest recorded page asks for shifts; `no_recipe`: why there is none."""

    source: Literal["har", "live"]
    findings: dict[Endpoint, Findings] = field(default_factory=dict)
    grids: dict[Endpoint, Grid] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    recipe: Recipe | None = None
    no_recipe: str = "no page of the time clock is in it"
    _codes: CodeIds = field(default_factory=CodeIds)

    def take(self, exchanges: Iterable[Exchange]) -> None:
        """Look at exchanges, each once; whatever is in one, the next follows."""
        for exchange in exchanges:
            self._take(exchange)
        self._codes.see(self.facts)
        for grid in self.grids.values():
            grid.see(self.facts)

    def shape(self) -> dict[str, Any]:
        """As docs/shape.md has it."""
        in_order = sorted(self.findings, key=lambda one: (one.path, one.method, one.kind or ""))
        endpoints = [_endpoint_json(self.findings[one], self.grids.get(one)) for one in in_order]
        return {"format": FORMAT, "source": self.source, "endpoints": endpoints, "facts": self.facts.as_json()}

    def _take(self, exchange: Exchange) -> None:
        endpoint = endpoint_of(exchange.method, exchange.url)
        if endpoint is None:
            return
        if endpoint not in self.findings and len(self.findings) >= _MOST_ENDPOINTS:
            endpoint = Endpoint(endpoint.method, "/*", None)
        findings = self.findings.setdefault(endpoint, Findings(endpoint))
        findings.answers += 1
        findings.statuses[exchange.status] += 1
        findings.sets_cookies += "Set-Cookie" in exchange.headers
        self.facts.see("S8", True if "Set-Cookie" in exchange.headers else None)
        if exchange.trouble:
            findings.troubles[exchange.trouble] += 1
            return
        try:
            understand(exchange, findings)
            self._count(exchange, endpoint, findings)
        except Exception as exc:  # noqa: BLE001 - one odd answer must not end the check, nor its text be shown
            findings.unforeseen[type(exc).__name__] += 1

    def _count(self, exchange: Exchange, endpoint: Endpoint, findings: Findings) -> None:
        if exchange.status != 200 or not exchange.body:
            return
        try:
            answer = decoded(exchange.body)
        except NotJsonError:
            return
        findings.place.take(answer)
        is_enveloped = isinstance(answer, dict) and answer.keys() >= _ENVELOPE
        findings.envelopes["enveloped" if is_enveloped else "bare"] += 1
        if endpoint.path.startswith("/api/") and endpoint.kind is not None:
            self.facts.see("R2", is_enveloped)
        if endpoint.kind in (of.SHIFTS, of.USERS):
            self.grids.setdefault(endpoint, Grid()).take(exchange.asked, answer, self.facts)
        if endpoint.kind == of.SHIFTS:
            self._count_shifts(exchange, answer)
        elif endpoint.kind is not None:
            see_list(endpoint.kind, answer, self.facts, self._codes)

    def _count_shifts(self, exchange: Exchange, answer: Any) -> None:
        for row in rows_of(answer):
            see_shift(self.facts, row, self._codes)
        try:
            self.recipe = recipe_of(exchange.url, exchange.asked, newest_first=newest_first(answer))
        except NoRecipeError as exc:
            self.no_recipe = str(exc)
            return
        self.facts.see("G12", _CAPTURED_COLUMNS.issubset(self.recipe.columns))


def _endpoint_json(found: Findings, grid: Grid | None) -> dict[str, Any]:
    kinds = list(found.envelopes)
    return {
        "method": found.endpoint.method,
        "path": found.endpoint.path,
        "kind": found.endpoint.kind,
        "answers": step(found.answers),
        "statuses": {str(status): step(count) for status, count in sorted(found.statuses.items())},
        "faults": {name: step(count) for name, count in sorted(found.faults.items())},
        "sets_cookies": share(found.sets_cookies, found.answers),
        "envelope": kinds[0] if len(kinds) == 1 else "mixed" if kinds else None,
        "fields": [place_json(*one) for one in found.place.below()],
        **(grid.as_json() if grid else {}),
    }
