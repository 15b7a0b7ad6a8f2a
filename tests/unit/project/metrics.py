"""The metrics that there are, and those that an expression names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import promql_parser
from prometheus_client.metrics import MetricWrapperBase

import console.metrics
import core.dead_letters.letter
import producers.metrics
import sinks.metrics
import streams.metrics

MODULES = (console.metrics, core.dead_letters.letter, producers.metrics, sinks.metrics, streams.metrics)
# What Prometheus adds to every target, and our own scrape configuration to every series.
ADDED = {"up": {"job", "instance", "service"}}
ON_EVERY_SERIES = {"job", "instance", "service"}
_SUFFIXES: dict[str | None, tuple[str, ...]] = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "gauge": ("",),
}


def known() -> dict[str, set[str]]:
    """The labels of every series there is, by its name."""
    found = {name: set(labels) for name, labels in ADDED.items()}
    for metric in own_metrics():
        for suffix in _SUFFIXES[metric._type]:
            extra = {"le"} if suffix == "_bucket" else set()
            found[metric._name + suffix] = set(metric._labelnames) | extra | ON_EVERY_SERIES
    return found


def own_metrics() -> Iterator[MetricWrapperBase]:
    for module in MODULES:
        yield from (one for one in vars(module).values() if isinstance(one, MetricWrapperBase))


def series_of(expression: str) -> Iterator[tuple[str, set[str]]]:
    """(name, labels of its matchers) of every series that an expression reads; ValueError if it is no PromQL."""
    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)

    promql_parser.walk(promql_parser.parse(expression), visit)
    for node in found:
        labels = {matcher.name for matcher in node.matchers.matchers} - {"__name__"}
        for name in [node.name] if node.name else _matching(node):
            yield name, labels


def _matching(node: Any) -> list[str]:
    """The series whose name fits a pattern; one that fits none stands for itself."""
    (pattern,) = (matcher.value for matcher in node.matchers.matchers if matcher.name == "__name__")
    return [name for name in known() if re.fullmatch(pattern, name)] or [pattern]
