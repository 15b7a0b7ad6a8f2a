"""The poller: rows compared and records published a second, its memory, and a thousand companies in one process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import _poller_companies
from benchmarks._poller_reads import write_pages
from benchmarks._stack import running_stack
from benchmarks.figures import arguments, report
from cli.connect import Entered, store
from core.errors import FatalError
from core.settings import Settings

_COMPANY = "bench"


def main() -> int:
    """Prints the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--shifts", type=int, default=100_000, help="of the account that is read")
    parser.add_argument("--companies", type=int, default=1_000, help="small accounts polled by one process; 0: not")
    parser.add_argument("--interval", type=int, default=180, help="seconds in which each of them is to be polled")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "stack") as (settings, environment):
        figures = _reads(settings, environment, Path(folder), shifts=options.shifts)
        if options.companies:
            figures |= _poller_companies.measure(
                settings, environment, Path(folder), companies=options.companies, interval_s=options.interval
            )
    report(figures, as_json=options.json)
    return 0


def _reads(settings: Settings, environment: dict[str, str], folder: Path, *, shifts: int) -> dict[str, Any]:
    pages = folder / "pages"
    write_pages(pages, shifts)
    store(settings, Entered(_COMPANY, "bench", "bench", "America/Denver"))
    first = _one_read(settings, environment, pages)
    if first["published"] != shifts:
        raise FatalError(f"{first['published']} of {shifts} shifts were published.")
    again = _one_read(settings, environment, pages)
    if again["published"] or again["read"] != shifts:
        raise FatalError(f"An unchanged read of {again['read']} rows published {again['published']} records.")
    return {
        "shifts": shifts,
        "unchanged_rows_per_s": round(again["read"] / again["seconds"]),
        "unchanged_rows_per_cpu_s": round(again["read"] / again["cpu_s"]),
        "published_records_per_s": round(first["published"] / first["seconds"]),
        "published_records_per_cpu_s": round(first["published"] / first["cpu_s"]),
        "peak_rss_mb": max(first["peak_rss_mb"], again["peak_rss_mb"]),
    }


def _one_read(settings: Settings, environment: dict[str, str], pages: Path) -> dict[str, Any]:
    _poller_companies.make_due(settings)
    command = [sys.executable, "-m", "benchmarks._poller_reads", _COMPANY, str(pages)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(json.dumps(figures), file=sys.stderr)
    return figures


if __name__ == "__main__":
    sys.exit(main())
