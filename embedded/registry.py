"""One Apicurio Registry that speaks the Confluent Schema Registry's API; its schemas are kept in a database file in the
data folder and survive restarts.
"""

from __future__ import annotations

import http.client
import os
import shutil
import zipfile
from pathlib import Path

from embedded.data_dir import DataDir
from embedded.download import cache_folder
from embedded.java import QUICK_COMPILER, java_command, java_environment
from embedded.lockfile import LockedFile
from embedded.ports import HOST
from embedded.process import Command

API_PATH = "/apis/ccompat/v7"
_HEAP_MB = 256


def registry_command(data: DataDir, program: Path, *, port: int) -> Command:
    """`program` is the folder that unpacked() gave."""
    folder = data.root / "registry"
    folder.mkdir(exist_ok=True)
    (runner,) = program.glob("*-runner.jar")
    settings = {
        "quarkus.profile": "prod",
        "quarkus.http.host": HOST,
        "quarkus.http.port": str(port),
        "quarkus.datasource.jdbc.url": f"jdbc:h2:file:{folder.as_posix()}/schemas",
    }
    options = (QUICK_COMPILER, *(f"-D{name}={value}" for name, value in settings.items()))
    return Command(
        name="registry",
        argv=[*java_command(folder / "tmp", heap_mb=_HEAP_MB, options=options), "-jar", str(runner)],
        log_file=data.logs / "registry.log",
        env=java_environment(),
        folder=folder,  # Quarkus takes settings from a `.env` of the folder it is started in.
        ready=lambda: _lists_subjects(port),
        pass_fds=(data.lock_fd,),
    )


def unpacked(file: LockedFile, archive: Path) -> Path:
    """The verified archive's content in the cache, unpacked once for all stacks; a half-unpacked one is never used."""
    target = cache_folder() / f"registry-{file.version}-{file.sha256[:12]}"
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        with zipfile.ZipFile(archive) as content:
            content.extractall(unfinished)
        try:
            unfinished.rename(target)
        except OSError:
            if not target.exists():
                raise
            shutil.rmtree(unfinished)  # another start was quicker
    return target


def _lists_subjects(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", f"{API_PATH}/subjects")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
