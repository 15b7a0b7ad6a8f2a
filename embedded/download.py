"""Downloads locked files through jgo, a few at a time, into a folder of their own; each is verified there and only then
moved into the Maven repository folder.

jgo is used as the user has set it up: `M2_REPO` and its settings file choose the folder that keeps downloads and the
repositories asked; without any, it is Maven's usual folder and jgo's default repository.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext, PythonResolver

from core.errors import FatalError
from embedded.lockfile import LockedFile
from embedded.progress import Advance

_AT_A_TIME = 4
_ATTEMPTS = 3
_TIMEOUT_S = 15

logging.getLogger("jgo").addHandler(logging.NullHandler())  # its warnings concern what is checked here anyway


def download(files: Sequence[LockedFile], incoming: Path, repository: Path, advance: Advance) -> None:
    """FatalError names the first file that could not be downloaded, OSError what the disk refused; Ctrl-C ends it."""
    stopped = threading.Event()

    def advance_or_stop(count: int) -> None:
        if stopped.is_set():
            raise _StoppedError
        advance(count)

    @contextmanager
    def each_file(_name: str, _size: int) -> Iterator[Advance]:
        yield advance_or_stop

    def fetch(file: LockedFile) -> None:
        _fetch_verified(file, PythonResolver(progress_callback=each_file), incoming)
        target = repository / file.relative_path
        target.parent.mkdir(parents=True, exist_ok=True)
        (incoming / file.relative_path).replace(target)

    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="download") as pool:
        try:
            for done in as_completed([pool.submit(fetch, file) for file in sorted(files, key=lambda file: -file.size)]):
                done.result()
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


class _StoppedError(Exception):
    """Ends a download that goes on while another has already failed."""


def _fetch_verified(file: LockedFile, resolver: PythonResolver, incoming: Path) -> None:
    artifact = (
        maven_context(resolver=resolver, repo_cache=incoming)
        .project(file.group, file.artifact)
        .at_version(file.version)
        .artifact(classifier=file.classifier, packaging=file.packaging)
    )
    for attempt in range(1, _ATTEMPTS + 1):
        path = incoming / file.relative_path
        shutil.rmtree(path.parent, ignore_errors=True)
        try:
            artifact.resolve()
        except requests.RequestException as error:
            if attempt == _ATTEMPTS:
                raise FatalError(
                    f"{file.file_name} could not be downloaded ({type(error).__name__}): check the network connection "
                    "and proxy settings and start again; what is already here is kept."
                ) from error
        except RuntimeError as error:  # what jgo raises when no repository has it
            raise FatalError(
                f"None of the configured Maven repositories offers {file.file_name}: check the repositories in jgo's "
                "settings file."
            ) from error
        else:
            break
    if not file.matches(path):
        raise FatalError(
            f"The download of {file.file_name} is broken (size or SHA-256 differ from the lock file): it was deleted; "
            "start again to fetch it anew, and if it happens again, check what is between here and the repository."
        )


def maven_context(*, resolver: PythonResolver | None = None, repo_cache: Path | None = None) -> MavenContext:
    settings = GlobalSettings.load()
    return MavenContext(
        resolver=resolver,
        repo_cache=repo_cache or settings.repo_cache,
        remote_repos={"central": MAVEN_CENTRAL_URL, **settings.repositories},
        timeout=_TIMEOUT_S,
    )


def repository_folder() -> Path:
    """Where downloaded files are kept, shared with Maven and jgo."""
    return Path(GlobalSettings.load().repo_cache)


def cache_folder() -> Path:
    """Where what is derived from downloads is kept."""
    return Path(GlobalSettings.load().cache_dir) / "protiv-embedded"
