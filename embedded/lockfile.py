"""The committed list of every file of the embedded Kafka and registry, with size and SHA-256: what runs is what was
locked, wherever it was downloaded from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

LOCK_FILE = Path(__file__).with_name("maven.lock.json")
_CHUNK_BYTES = 1 << 20

Component = Literal["kafka", "registry"]


@dataclass(frozen=True, slots=True)
class LockedFile:
    """One file of a Maven component, in Maven's terms, and what its content must be."""

    component: Component
    group: str
    artifact: str
    version: str
    classifier: str
    packaging: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.packaging}"

    @property
    def relative_path(self) -> Path:
        """Its place in a Maven repository."""
        return Path(*self.group.split("."), self.artifact, self.version, self.file_name)

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` is this one, byte for byte."""
        return path.stat().st_size == self.size and sha256_of(path) == self.sha256


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def read_lock(path: Path = LOCK_FILE) -> list[LockedFile]:
    return [LockedFile(**entry) for entry in json.loads(path.read_text())]


def write_lock(files: Iterable[LockedFile], path: Path = LOCK_FILE) -> None:
    """In a fixed order, one file a line, so that the diff of a version change is easy to read."""
    ordered = sorted(files, key=lambda file: (file.component, file.group, file.artifact))
    lines = ",\n".join("  " + json.dumps(asdict(file)) for file in ordered)
    path.write_text(f"[\n{lines}\n]\n")


def total_size(files: Sequence[LockedFile]) -> int:
    return sum(file.size for file in files)
