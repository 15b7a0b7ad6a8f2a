"""jgo's Maven repository access as the user has set it up: `M2_REPO` and jgo's settings file choose the folder that
keeps downloads and the repositories asked; without any, Maven's usual folder and jgo's default repository.
"""

from __future__ import annotations

from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext, PythonResolver

_TIMEOUT_S = 15


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
