"""`python -m benchmarks`: runs every benchmark, one after another, into benchmarks/results.json."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
_NOT_BENCHMARKS = {"figures"}


def main() -> int:
    """0 if all ran, else 1, with the names of those that failed; these have no figures in the file."""
    names = _names({path.stem for path in FOLDER.glob("[!_]*.py")})
    figures: dict[str, Any] = {}
    failed = []
    for name in names:
        print(f"benchmarks.{name} …", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", "--json"], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode == 0:
            figures[name] = json.loads(done.stdout.strip().splitlines()[-1])
            print(json.dumps(figures[name]), flush=True)
        else:
            failed.append(name)
    RESULTS.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=2) + "\n")
    print(f"Written to {RESULTS.relative_to(FOLDER.parent)}." + (f" Failed: {', '.join(failed)}." if failed else ""))
    return 1 if failed else 0


def _names(modules: set[str]) -> list[str]:
    """The modules that are benchmarks: `streams_plain` is a part of `streams`, and `figures` of all."""
    parts = {name for name in modules for whole in modules if name.startswith(f"{whole}_")}
    return sorted(modules - parts - _NOT_BENCHMARKS)


def machine() -> dict[str, Any]:
    """What the figures were measured on, and when."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
