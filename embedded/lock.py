"""`python -m embedded.lock`: resolves the versions named here with jgo and writes their files, sizes and SHA-256 to the
lock file. For whoever changes a version; nothing at run time resolves.
"""

from __future__ import annotations

import sys

import jgo
from jgo.maven import Artifact

from embedded.download import maven_context
from embedded.lockfile import LOCK_FILE, Component, LockedFile, sha256_of, total_size, write_lock

KAFKA_VERSION = "4.1.1"
REGISTRY_VERSION = "2.6.13.Final"
# slf4j-simple writes Kafka's messages to its log file; without a binding Kafka would fail silently.
_KAFKA_ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"


def main() -> None:
    registry = maven_context().project("io.apicurio", "apicurio-registry-app").at_version(REGISTRY_VERSION)
    files = [_locked(artifact, "kafka") for artifact in jgo.resolve(_KAFKA_ENDPOINT)]
    files.append(_locked(registry.artifact(classifier="all", packaging="zip"), "registry"))
    write_lock(files)
    sys.stdout.write(f"{LOCK_FILE.name}: {len(files)} files, {total_size(files) / 1e6:.0f} MB\n")


def _locked(artifact: Artifact, component: Component) -> LockedFile:
    path = artifact.resolve()
    return LockedFile(
        component=component,
        group=artifact.groupId,
        artifact=artifact.artifactId,
        version=artifact.version,
        classifier=artifact.classifier or "",
        packaging=artifact.packaging or "jar",
        size=path.stat().st_size,
        sha256=sha256_of(path),
    )


if __name__ == "__main__":
    main()
