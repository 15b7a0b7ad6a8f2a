"""Bad networks, repositories and disks: one sentence each, and nothing unverified is ever used or kept."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

from core.errors import ConfigurationError, FatalError
from embedded import artifacts
from embedded.artifacts import ensure_files
from embedded.lockfile import LockedFile
from embedded.progress import Advance

# jgo leaves the answers of failed downloads to the garbage collector: see the fixture that collects them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def collect_answers() -> Iterator[None]:
    yield
    gc.collect()


class Repository(http.server.ThreadingHTTPServer):
    """A Maven repository of this test: serves what it is given, and counts what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.content: dict[str, bytes] = {}
        self.cut_at: int | None = None
        self.asked: list[str] = []


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        content = self.server.content.get(self.path)
        self.server.asked.append(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.cut_at])

    def log_message(self, format: str, *_arguments: object) -> None:
        """Stays out of the test's output."""


class Recorder:
    """A StartProgress that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.bytes: list[int] = []

    def show(self, sentence: str) -> None:
        self.said.append(sentence)

    def downloading(self, total_bytes: int) -> AbstractContextManager[Advance]:
        del total_bytes
        return nullcontext(self.bytes.append)


class Machine(NamedTuple):
    """A user's machine with empty caches: where downloads go, and how to point it at a repository."""

    downloads: Path
    use: Callable[[str], None]


def locked(artifact: str, content: bytes) -> LockedFile:
    digest = hashlib.sha256(content).hexdigest()
    return LockedFile("kafka", "org.example", artifact, "1.0", "", "jar", len(content), digest)


BROKER = b"broker" * 5_000
PART = b"part" * 5_000
FILES = [locked("kafka_2.13", BROKER), locked("part", PART)]
PART_NAME = "part-1.0.jar"


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository() as server:
        for file, content in zip(FILES, (BROKER, PART), strict=True):
            server.content[f"/{file.relative_path.as_posix()}"] = content
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    settings = tmp_path / "jgo.conf"
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("JGO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Machine(tmp_path / "m2", lambda url: _write(settings, f"[repositories]\ncentral = {url}\n"))


@pytest.fixture
def online(machine: Machine, repository: Repository) -> Machine:
    machine.use(f"http://127.0.0.1:{repository.server_address[1]}")
    return machine


def test_ensure_files_first_start_says_size_and_names_and_moves_by_bytes(online: Machine) -> None:
    progress = Recorder()
    paths = ensure_files(FILES, progress)
    assert [path.read_bytes() for path in paths.values()] == [BROKER, PART]
    assert progress.said == ["The first start downloads 0 MB: Apache Kafka 1.0."]
    assert sum(progress.bytes) == len(BROKER) + len(PART)
    assert len(progress.bytes) > len(FILES)


def test_ensure_files_second_start_asks_for_nothing_and_says_nothing(online: Machine, repository: Repository) -> None:
    ensure_files(FILES, Recorder())
    asked = len(repository.asked)
    progress = Recorder()
    ensure_files(FILES, progress)
    assert (len(repository.asked), progress.said) == (asked, [])


@pytest.mark.parametrize("damage", [b"", PART[:-1], b"P" + PART[1:]])
def test_ensure_files_damaged_file_in_the_cache_is_named_and_fetched_again(online: Machine, damage: bytes) -> None:
    path = ensure_files(FILES, Recorder())[FILES[1]]
    path.write_bytes(damage)
    progress = Recorder()
    ensure_files(FILES, progress)
    assert path.read_bytes() == PART
    assert progress.said[0].startswith(f"{path} is damaged")
    assert PART_NAME in progress.said[1]


def test_ensure_files_tampered_download_is_named_and_not_kept(online: Machine, repository: Repository) -> None:
    wanted = f"/{FILES[1].relative_path.as_posix()}"
    repository.content[wanted] = b"P" + PART[1:]
    with pytest.raises(FatalError, match=rf"download of {PART_NAME} is broken .* deleted; start again"):
        ensure_files(FILES, Recorder())
    assert PART_NAME not in {path.name for path in online.downloads.rglob("*")}
    repository.content[wanted] = PART
    assert ensure_files(FILES, Recorder())[FILES[1]].read_bytes() == PART


def test_ensure_files_connection_cut_in_the_middle_tells_to_start_again(
    online: Machine, repository: Repository
) -> None:
    repository.cut_at = 100
    with pytest.raises(FatalError, match=r"could not be downloaded .*: check the network connection"):
        ensure_files(FILES, Recorder())
    assert list(online.downloads.rglob("*.jar")) == []
    repository.cut_at = None
    ensure_files(FILES, Recorder())


def test_ensure_files_no_network_is_one_sentence(machine: Machine) -> None:
    machine.use("http://127.0.0.1:9")
    with pytest.raises(
        FatalError, match=r"\.jar could not be downloaded \(ConnectionError\): check the network"
    ) as caught:
        ensure_files(FILES, Recorder())
    assert "\n" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_ensure_files_repository_without_the_file_is_one_sentence(online: Machine, repository: Repository) -> None:
    repository.content.clear()
    with pytest.raises(FatalError, match=r"None of the configured Maven repositories offers .*\.jar"):
        ensure_files(FILES, Recorder())


def test_ensure_files_interrupted_start_leaves_nothing_unverified(online: Machine) -> None:
    class CtrlC(Recorder):
        def downloading(self, total_bytes: int) -> AbstractContextManager[Advance]:
            del total_bytes
            return nullcontext(self._interrupt)

        def _interrupt(self, count: int) -> None:
            raise KeyboardInterrupt(count)

    with pytest.raises(KeyboardInterrupt):
        ensure_files(FILES, CtrlC())
    assert [path for path in online.downloads.rglob("*") if path.is_file()] == []
    ensure_files(FILES, Recorder())


def test_ensure_files_disk_too_small_says_how_much_is_needed(online: Machine) -> None:
    huge = dataclasses.replace(FILES[0], size=1 << 60)
    with pytest.raises(FatalError, match=r"is full: \d+ MB are needed; free some, or set M2_REPO"):
        ensure_files([huge], Recorder())


def test_ensure_files_disk_full_while_writing_is_the_same_sentence(
    online: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts, "download", full)
    with pytest.raises(FatalError, match="is full"):
        ensure_files(FILES, Recorder())


def test_ensure_files_no_permission_says_what_to_set(online: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied", str(online.downloads))

    monkeypatch.setattr(artifacts, "download", refuse)
    with pytest.raises(ConfigurationError, match=f"No permission to write to {online.downloads}: set M2_REPO"):
        ensure_files(FILES, Recorder())


def test_ensure_files_two_first_starts_download_once(online: Machine, repository: Repository) -> None:
    starts = [threading.Thread(target=ensure_files, args=(FILES, Recorder())) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    jars = [path for path in repository.asked if path.endswith(".jar")]
    assert sorted(jars) == sorted(f"/{file.relative_path.as_posix()}" for file in FILES)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
