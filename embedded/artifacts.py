"""Downloads the locked files to this machine, once, and refuses those whose size or SHA-256 is not the locked one.
A download reaches the shared Maven folder only after it was verified, so an interrupted one leaves nothing there.
"""

from __future__ import annotations

import errno
import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.errors import ConfigurationError, FatalError
from embedded.download import cache_folder, download, repository_folder
from embedded.lockfile import LockedFile, total_size
from embedded.progress import StartProgress

_SPARE_BYTES = 64_000_000
_NAMES = {"kafka": "Apache Kafka", "registry": "Apicurio Registry"}
_MAIN_ARTIFACTS = {"kafka": "kafka_2.13", "registry": "apicurio-registry-app"}


Stamp = list[int | str]


def ensure_files(files: Sequence[LockedFile], progress: StartProgress) -> dict[LockedFile, Path]:
    """Each file's verified path; downloads what is missing or broken. Blocks while another process downloads.

    Raises FatalError or ConfigurationError with one sentence: no network, a bad download, disk full, no permission.
    """
    repository = repository_folder()
    paths = {file: repository / file.relative_path for file in files}
    try:
        with _one_at_a_time(cache_folder()) as cache:
            stamps = VerifiedStamps.read(cache / "verified.json")
            missing = [file for file, path in paths.items() if not _is_sound(file, path, stamps, progress)]
            if missing:
                _fetch(missing, repository, progress)
                for file in missing:
                    stamps.add(file, paths[file])
            stamps.save()
    except OSError as error:
        raise _explained(error, repository, files) from error
    return paths


def _is_sound(file: LockedFile, path: Path, stamps: VerifiedStamps, progress: StartProgress) -> bool:
    """Whether the file exists and is right; a wrong one is removed, and the user told."""
    if not path.exists():
        return False
    if stamps.has(file, path):
        return True
    if file.matches(path):
        stamps.add(file, path)
        return True
    path.unlink()
    progress.show(
        f"{path} is damaged (size or SHA-256 differ from the lock file): it was removed and is fetched again."
    )
    return False


def _fetch(missing: Sequence[LockedFile], repository: Path, progress: StartProgress) -> None:
    size = total_size(missing)
    progress.show(_announcement(missing, size))
    repository.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(repository).free < size + _SPARE_BYTES:
        raise OSError(errno.ENOSPC, "no space left")
    incoming = repository / ".protiv-incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    try:
        with progress.downloading(size) as advance:
            download(missing, incoming, repository, advance)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _announcement(files: Sequence[LockedFile], size: int) -> str:
    """Names the components on a first start, the files when single ones are fetched again."""
    mains = [f"{_NAMES[f.component]} {f.version}" for f in files if f.artifact == _MAIN_ARTIFACTS[f.component]]
    if mains:
        return f"The first start downloads {size / 1e6:.0f} MB: {', '.join(mains)}."
    return f"Downloading {size / 1e6:.1f} MB: {', '.join(file.file_name for file in files)}."


@contextmanager
def _one_at_a_time(cache: Path) -> Iterator[Path]:
    """Two first starts at the same time download once: the second waits and finds everything there."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache


def _explained(error: OSError, repository: Path, files: Sequence[LockedFile]) -> Exception:
    place = error.filename or repository
    if error.errno == errno.ENOSPC:
        return FatalError(
            f"The disk that holds {repository} is full: {total_size(files) / 1e6:.0f} MB are needed; "
            "free some, or set M2_REPO to a folder on another disk."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ConfigurationError(
            f"No permission to write to {place}: set M2_REPO (downloads) and JGO_CACHE_DIR to folders you may write to."
        )
    return FatalError(f"Cannot keep the downloaded files in {place}: {error.strerror or error}.")


class VerifiedStamps:
    """Which files were verified, by size and modification time, so that a start does not hash 190 MB again.

    A file that changed since has another stamp and is hashed again. `save` writes what was added.
    """

    def __init__(self, path: Path, stamps: dict[str, Stamp]) -> None:
        self._path = path
        self._stamps = stamps
        self._changed = False

    @classmethod
    def read(cls, path: Path) -> VerifiedStamps:
        """An unreadable file only costs hashing again."""
        try:
            stamps = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            stamps = {}
        return cls(path, stamps if isinstance(stamps, dict) else {})

    def has(self, file: LockedFile, path: Path) -> bool:
        return self._stamps.get(str(path)) == _stamp(file, path)

    def add(self, file: LockedFile, path: Path) -> None:
        self._stamps[str(path)] = _stamp(file, path)
        self._changed = True

    def save(self) -> None:
        if self._changed:
            written = self._path.with_suffix(".new")
            written.write_text(json.dumps(self._stamps))
            written.replace(self._path)


def _stamp(file: LockedFile, path: Path) -> Stamp:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, file.sha256]
