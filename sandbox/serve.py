"""Runs the sandbox as a server until SIGTERM or SIGINT, and prints one JSON line when it is ready."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from sandbox.app import ControlFrom, create_app
from sandbox.breakable import BreakableProtocol
from sandbox.control_api.boundary import read_body
from sandbox.directory import CompanyRequest, Directory
from sandbox.model import Profile
from sandbox.switches import Switches


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """Port 0 takes a free one. Without a company request the companies of the state directory are served.

    `names`: further names under which it may be controlled; `switches`: those that the first company is to have.
    """

    host: str = "127.0.0.1"
    port: int = 0
    state_dir: Path | None = None
    company: CompanyRequest | None = None
    control_from: ControlFrom = "this-machine"
    names: tuple[str, ...] = ()
    switches: Mapping[str, Any] = field(default_factory=dict)


def serve(options: SandboxOptions, *, announce: Callable[[str], None] = print) -> None:
    """Blocks until the process is told to end. Raises OSError if the address is taken."""
    app = create_app(options.state_dir, control_from=options.control_from, names=(options.host, *options.names))
    profile = _first_company(app.state.world.directory, options.company)
    company = app.state.world.directory.company(profile.builder_id)
    company.rewrite_switches(read_body(Switches, {**company.switches.model_dump(), **options.switches}))
    with _listening(options) as listener:
        host, port = listener.getsockname()[:2]
        ready = json.dumps({"url": f"http://{host}:{port}", "company": asdict(profile)})
        config = uvicorn.Config(
            app, http=BreakableProtocol, log_level="warning", access_log=False, timeout_graceful_shutdown=5
        )
        server = _Server(config, on_ready=lambda: announce(ready))
        asyncio.run(server.serve(sockets=[listener]))


def _first_company(directory: Directory, wanted: CompanyRequest | None) -> Profile:
    """The company asked for, else the oldest one there is, else the default one."""
    if wanted is None and directory.profiles():
        return directory.profiles()[0]
    return directory.open_or_create(wanted or CompanyRequest(seed=7, jobs=60, shifts=5000)).profile


@contextmanager
def _listening(options: SandboxOptions) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets with an explicit protocol; without it, answers to requests with a body
    # wait 40 ms for a delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(256)
        yield listener


class _Server(uvicorn.Server):
    """Ends with exit code 0 on SIGTERM and SIGINT, where uvicorn would raise the signal again."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, previous in before.items():
                signal.signal(number, previous)
