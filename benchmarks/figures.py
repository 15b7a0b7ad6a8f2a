"""What benchmarks share: options, percentiles, memory of a process tree, and how figures are printed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence

import psutil


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * round(share * 1000) // 1000))
    return ordered[rank - 1]


def tree_rss_mb() -> float:
    """Resident memory of this process and all its children together, in MB; shared pages count for each."""
    me = psutil.Process()
    total = 0
    for process in (me, *me.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return round(total / 1e6, 1)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON on the last line")
    return parser


def report(figures: Mapping[str, object], *, as_json: bool) -> None:
    """Print the figures; as JSON on one line, which must be the last."""
    if as_json:
        print(json.dumps(figures), flush=True)
        return
    for name, value in figures.items():
        print(f"{name:<32} {value}")
