"""Builds the sandbox as one Starlette application: the wire, the control API and the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from sandbox.control_api.boundary import http_error
from sandbox.control_api.routes import control_routes
from sandbox.page.routes import page_routes
from sandbox.wire.routes import wire_routes
from sandbox.world import open_world

ControlFrom = Literal["this-machine", "anywhere"]


def create_app(
    state_dir: Path | None, *, control_from: ControlFrom = "this-machine", names: Collection[str] = ()
) -> Starlette:
    """A sandbox whose companies live in `state_dir`, or in memory without one.

    It can be controlled under loopback names and addresses, and under `names`.
    `app.state.world` holds the companies; the state file is closed when the application shuts down.
    """
    world = open_world(state_dir)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        world.close()

    app = Starlette(
        routes=[*wire_routes(), *control_routes(), *page_routes()],
        exception_handlers={HTTPException: http_error},
        lifespan=lifespan,
    )
    app.state.world = world
    app.state.control_from = control_from
    app.state.names = {name.lower() for name in names}
    return app
