"""A sandbox inside the caller's process whose companies are edited directly, without HTTP.

sandbox = LocalSandbox(pause=clock.move)
company = sandbox.company(seed=1, jobs=5, shifts=40)
shift_id = company.insert("shifts", job_id=0, user_id=company.ids("users")[0], time_in="2026-06-01T07:00")
client = httpx.Client(transport=sandbox.transport)      # http://buildertrend.test, any path of the wire
company.truth()["time-entries"][str(shift_id)]["time_in"]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from sandbox import changes
from sandbox.app import create_app
from sandbox.client import Kind, SandboxControl
from sandbox.company import Company
from sandbox.control_api.bodies import NewCompany
from sandbox.control_api.boundary import read_body
from sandbox.control_api.resources import RESOURCES
from sandbox.directory import CompanyRequest
from sandbox.in_process import InProcessTransport
from sandbox.model import Profile
from sandbox.switches import Switches
from sandbox.truth import Truth, truth_of
from sandbox.world import World

URL = "http://buildertrend.test"


class LocalSandbox:
    """One sandbox in memory; `transport` reaches all of it, including its control API and page."""

    def __init__(
        self,
        *,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        app = create_app(None, names=["buildertrend.test"])
        self.transport = InProcessTransport(app, pause=pause, now=now)
        self._world: World = app.state.world

    def company(self, **wanted: Any) -> LocalCompany:
        """A new company without latency (seed, jobs, shifts, username, password, time_zone, anchor_date ...)."""
        request = CompanyRequest(**read_body(NewCompany, wanted).model_dump())
        company = LocalCompany(self, self._world.directory.open_or_create(request), self._world)
        company.set_switches(latency_ms=0)
        return company

    def close(self) -> None:
        """Forget everything."""
        self._world.close()


class LocalCompany:
    """Edits and truth of one company; every refused edit raises SandboxError with a sentence."""

    def __init__(self, sandbox: LocalSandbox, company: Company, world: World) -> None:
        self._sandbox = sandbox
        self._company = company
        self._world = world

    @property
    def profile(self) -> Profile:
        return self._company.profile

    @property
    def control(self) -> SandboxControl:
        """The same company through its control API, in-process too."""
        client = httpx.Client(transport=self._sandbox.transport)
        return SandboxControl(URL, builder_id=self.profile.builder_id, sender=client)

    def ids(self, kind: Kind) -> list[int]:
        """Ids of every record of the kind, lowest first."""
        return sorted(self._company.table(RESOURCES[kind].kind))

    def record(self, kind: Kind, record_id: int) -> dict[str, Any]:
        return changes.shown(self._company, kind, record_id)

    def insert(self, kind: Kind, **values: object) -> int:
        """The id of the new record."""
        return int(changes.insert(self._company, kind, values)["id"])

    def edit(self, kind: Kind, record_id: int, **values: object) -> None:
        changes.edit(self._company, kind, record_id, values)

    def delete(self, kind: Kind, record_id: int) -> None:
        changes.delete(self._company, kind, record_id)

    def move(self, shift_id: int, *, minutes: int) -> None:
        """Move a shift in time and keep its length."""
        changes.move(self._company, shift_id, minutes)

    def set_switches(self, **switches: object) -> None:
        """Set the switches that are stated and leave the others; raises SandboxError for an unknown one."""
        now = self._company.switches.model_dump()
        self._company.rewrite_switches(read_body(Switches, {**now, **switches}))

    def heal(self, *names: str) -> None:
        """Make the source healthy again, its account unlocked; with names those switches alone."""
        self._company.rewrite_switches(self._company.switches.healed(names))

    def end_sessions(self) -> int:
        return self._world.sessions.end_all(self.profile.builder_id)

    def truth(self) -> Truth:
        """Every record of the five entities as it is now; see `sandbox.truth`."""
        return truth_of(self._company)
