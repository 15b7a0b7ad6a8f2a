"""A client of the control API for tests and demos: every call is one request, every refusal a `ControlError`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import httpx

Kind = Literal["shifts", "jobs", "users", "cost-codes", "budget-lines"]


class ControlError(Exception):
    """The sandbox refused; the text is its own sentence."""


class Answer(Protocol):
    """What this client needs of a response."""

    @property
    def status_code(self) -> int: ...

    def json(self) -> Any: ...


class Sender(Protocol):
    """What this client needs of an HTTP client: an `httpx.Client`, or a Starlette `TestClient` in-process."""

    def request(self, method: str, url: str, *, json: Any = None, params: Any = None) -> Answer: ...


class RecordControl(ABC):
    """Edits of a company's records; field names are those of the control API, times local, money in dollars."""

    @abstractmethod
    def of_company(
        self, method: str, path: str, *, body: object = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """One request about the company; the parsed answer."""

    def listed(self, kind: Kind, **filters: object) -> list[dict[str, Any]]:
        """Up to `limit` (default 100, at most 1000) records from `offset` on; shifts newest first."""
        return list(self.of_company("GET", f"/{kind}", params=filters)[kind.replace("-", "_")])

    def record(self, kind: Kind, record_id: int) -> dict[str, Any]:
        return dict(self.of_company("GET", f"/{kind}/{record_id}"))

    def add(self, kind: Kind, **values: object) -> dict[str, Any]:
        return dict(self.of_company("POST", f"/{kind}", body=values))

    def edit(self, kind: Kind, record_id: int, **changes: object) -> dict[str, Any]:
        return dict(self.of_company("PATCH", f"/{kind}/{record_id}", body=changes))

    def delete(self, kind: Kind, record_id: int) -> None:
        self.of_company("DELETE", f"/{kind}/{record_id}")

    def add_shift(self, *, job_id: int, user_id: int, time_in: str, **values: object) -> dict[str, Any]:
        """Regular minutes follow from the times unless stated; without `time_out` the worker is clocked in."""
        return self.add("shifts", job_id=job_id, user_id=user_id, time_in=time_in, **values)

    def edit_shift(self, shift_id: int, **changes: object) -> dict[str, Any]:
        return self.edit("shifts", shift_id, **changes)

    def delete_shift(self, shift_id: int) -> None:
        self.delete("shifts", shift_id)

    def rename_job(self, job_id: int, name: str) -> dict[str, Any]:
        return self.edit("jobs", job_id, name=name)

    def close_job(self, job_id: int) -> dict[str, Any]:
        return self.edit("jobs", job_id, status=0)


class SandboxControl(RecordControl):
    """Controls one company of a sandbox; the first one unless `builder_id` names another."""

    def __init__(self, base_url: str, *, builder_id: int | None = None, sender: Sender | None = None) -> None:
        self._sender: Sender = sender or httpx.Client(timeout=30)
        self._api = base_url.rstrip("/") + "/sandbox/api"
        self._builder_id = builder_id

    def companies(self) -> list[dict[str, Any]]:
        return list(self._call("GET", "/companies")["companies"])

    def create_company(self, **wanted: object) -> SandboxControl:
        """Create or reuse a company (seed, jobs, shifts, name, username, password, time_zone, anchor_date)."""
        made = self._call("POST", "/companies", body=wanted)
        return SandboxControl(
            self._api.removesuffix("/sandbox/api"), builder_id=made["builder_id"], sender=self._sender
        )

    @property
    def company(self) -> dict[str, Any]:
        """The company's profile: builder_id, name, username, password, time_zone, seed, jobs, shifts, anchor_date."""
        return dict(self.of_company("GET", ""))

    def change_company(self, **changes: object) -> dict[str, Any]:
        return dict(self.of_company("PATCH", "", body=changes))

    def summary(self) -> dict[str, int]:
        return dict(self.of_company("GET", "/summary"))

    def counters(self) -> dict[str, Any]:
        return dict(self.of_company("GET", "/counters"))

    def reset_counters(self) -> None:
        self.of_company("DELETE", "/counters")

    def end_sessions(self) -> int:
        return int(self.of_company("DELETE", "/sessions")["ended"])

    def switches(self) -> dict[str, Any]:
        return dict(self.of_company("GET", "/switches"))

    def set_switches(self, **switches: object) -> dict[str, Any]:
        return dict(self.of_company("PATCH", "/switches", body=switches))

    def heal(self, *names: str) -> dict[str, Any]:
        """Make the source healthy again, its account unlocked; with names those switches alone."""
        return dict(self.of_company("DELETE", "/switches", params={"switch": list(names)}))

    def of_company(
        self, method: str, path: str, *, body: object = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        if self._builder_id is None:
            companies = self.companies()
            if not companies:
                raise ControlError("The sandbox has no company: create one first.")
            self._builder_id = companies[0]["builder_id"]
        return self._call(method, f"/companies/{self._builder_id}{path}", body=body, params=params)

    def _call(self, method: str, path: str, *, body: object = None, params: Mapping[str, Any] | None = None) -> Any:
        answer = self._sender.request(method, self._api + path, json=body, params=params)
        payload = answer.json()
        if answer.status_code != 200:
            raise ControlError(payload.get("error", f"The sandbox answered {answer.status_code}."))
        return payload
