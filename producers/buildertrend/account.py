"""A signed-in Buildertrend account: its endpoints as methods; signs in again whenever the session is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import httpx

from producers.buildertrend import bodies
from producers.buildertrend.answers import (
    GridPage,
    Json,
    SessionExpiredError,
    bare,
    changed,
    enveloped,
    grid_page,
    quick_grid,
    read_json,
)
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.client import Answer, HttpClient
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.sign_in import (
    BROWSER_HEADERS,
    Hosts,
    Session,
    SignedIn,
    SignInDetails,
    SignInJournal,
    sign_in,
)
from schemas.faults import BLOCKED, SESSION_EXPIRED

T = TypeVar("T")
_Build = Callable[[], httpx.Request]
_SHORT_SESSION = 2
_MOST_SHORT_SESSIONS = 3
# So many companies of one Buildertrend user may end each other's sessions at the same moment.
_MOST_SESSIONS = 8
_LONGEST_BUILDER_ID = 64
_LONGEST_BUILDER_NAME = 200


@dataclass(frozen=True, slots=True)
class AccountIdentity:
    """Whose account this is."""

    builder_id: str
    builder_name: str


class SessionStore(SignInJournal, Protocol):
    """Keeps the session between runs, and the journal of sign-ins."""

    def load(self) -> Session | None:
        """The newest stored session of the account, if there is one."""

    def save(self, signed_in: SignedIn) -> None:
        """Store a new session in place of the old one, and the password that was accepted."""


class Account:
    """Reads one account. Every method blocks for its requests and raises SourceFaultError when they fail for good."""

    def __init__(
        self,
        client: HttpClient,
        *,
        hosts: Hosts,
        details: Callable[[], SignInDetails],
        sessions: SessionStore,
        page_size: int = bodies.PAGE_SIZE,
    ) -> None:
        """`details` is called only when a sign-in is due, to keep the password in memory for as short as possible."""
        self._client = client
        self._hosts = hosts
        self._details = details
        self._sessions = sessions
        self._session = sessions.load()
        self._identity: AccountIdentity | None = None
        self.page_size = page_size
        self._requests_served = 0
        self._short_sessions = 0
        self._over: deque[Session] = deque(maxlen=_MOST_SESSIONS)

    def identity(self) -> AccountIdentity:
        """Whose account it is, fetched once a run; the cheapest check that the session is alive [A]."""
        if self._identity is None:
            data = enveloped(self._get("/api/AccountInfo/GlobalInfo", what="account"), what="account")
            if not isinstance(data, dict) or not _is_builder_id(data.get("builderId")):
                raise changed("account", "builderId")
            name = data.get("builderName")
            shown = "".join(filter(str.isprintable, name))[:_LONGEST_BUILDER_NAME] if isinstance(name, str) else ""
            self._identity = AccountIdentity(str(data["builderId"]), shown)
        return self._identity

    def picker_jobs(self) -> list[Any]:
        """Rows of the job picker."""
        body = bodies.job_picker(self.identity().builder_id)
        data = enveloped(self._post("/api/jobpicker/GetJobPickerData", body, what="jobs"), what="jobs")
        return _rows(data, "jobs", what="jobs")

    def listed_jobs(self) -> list[Any]:
        """Rows of the job list: numbers and streets."""
        data = enveloped(self._get("/api/jobpicker/GetExistingJobList", what="job list"), what="job list")
        return data if isinstance(data, list) else _rows(data, "jobs", what="job list")

    def shifts(self, batch: JobBatch, ask: PageAsk) -> GridPage:
        """A page of the shifts of some jobs, newest first; RefusedQueryError where fewer jobs may be answered."""
        request = self._request("POST", "/api/TimeClock/Grid?gridType=29", bodies.shifts(batch, ask))
        return self._call(request, lambda answer: quick_grid(answer) or grid_page(answer, what="shifts"))

    def users(self, ask: PageAsk) -> GridPage:
        """A page of internal users; ModuleMissingError where the account has no such endpoint."""
        request = self._request("POST", "/api/InternalUsers/Grid", bodies.users(ask))
        return self._call(request, lambda answer: grid_page(answer, what="users"))

    def cost_codes(self, job_id: int) -> list[Any]:
        """Cost codes of one job's budget; ModuleMissingError where the module is not used."""
        path = f"/apix/v2/JobCostingBudget/budget-cost-codes?jobId={job_id}"
        answer = bare(self._get(path, what="cost codes"), what="cost codes")
        return _rows(answer, "costCodesWithBudget", what="cost codes")

    def budget_categories(self, job_id: int) -> list[Any]:
        """Cost categories of one job's budget; ModuleMissingError where the module is not used."""
        answer = self._post("/apix/v2/JobCostingBudget", bodies.budget(job_id), what="budget")
        return _rows(bare(answer, what="budget"), "costCategories", what="budget")

    def worksheet_groups(self, job_id: int) -> list[Any]:
        """Top groups of one job's estimate worksheet; ModuleMissingError where the module is not used."""
        answer = self._get(f"/api/Proposals/{job_id}/Worksheet", what="worksheet")
        return _rows(enveloped(answer, what="worksheet"), "formatData", what="worksheet")

    def _get(self, path: str, *, what: str) -> Any:
        return self._call(self._request("GET", path), lambda answer: read_json(answer, what=what))

    def _post(self, path: str, body: Json, *, what: str) -> Any:
        return self._call(self._request("POST", path, body), lambda answer: read_json(answer, what=what))

    def _request(self, method: str, path: str, body: Json | None = None) -> _Build:
        """Builds the request anew each time, with the session of that moment."""
        return lambda: httpx.Request(method, self._hosts.app_url + path, headers=self._headers(), json=body)

    def _headers(self) -> dict[str, str]:
        return BROWSER_HEADERS | (self._session.headers() if self._session else {})

    def _call(self, build: _Build, read: Callable[[Answer], T]) -> T:
        """The answer of a request as `read` parses it. If the session is over, sign in once and send it again.

        Another company of the same Buildertrend user may have signed in already: its session is used then.
        """
        signed_in = False
        if self._session is None:
            self._sign_in()
            signed_in = True
        for _ in range(_MOST_SESSIONS):
            try:
                return self._answered(build, read)
            except SessionExpiredError as exc:
                over = exc
            if self._use_stored_session():
                continue
            if signed_in:
                break
            self._check_session_length()
            self._sign_in()
            signed_in = True
        fault = BLOCKED if over.refused_client else SESSION_EXPIRED
        raise SourceFaultError(fault, f"refused right after sign-in ({over})") from over

    def _use_stored_session(self) -> bool:
        """Switch to a stored session that is not known to be over; False if there is none."""
        if self._session is not None:
            self._over.append(self._session)
        kept = self._sessions.load()
        if kept is None or kept in self._over:
            return False
        self._session = kept
        self._requests_served = 0
        return True

    def _answered(self, build: _Build, read: Callable[[Answer], T]) -> T:
        found = read(self._client.send(build()))
        self._requests_served += 1
        return found

    def _check_session_length(self) -> None:
        """Give up if sessions keep ending as soon as they begin: a sign-in for every request is no way to read."""
        self._short_sessions = self._short_sessions + 1 if self._requests_served < _SHORT_SESSION else 0
        if self._short_sessions >= _MOST_SHORT_SESSIONS:
            raise SourceFaultError(SESSION_EXPIRED, f"{self._short_sessions} sessions in a row ended at once")

    def _sign_in(self) -> None:
        signed_in = sign_in(self._client, self._details(), self._hosts, self._sessions)
        self._session = signed_in.session
        self._requests_served = 0
        self._sessions.save(signed_in)


def _is_builder_id(value: Any) -> bool:
    """A number or a short text: it tells this account from others."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    text = str(value)
    return 0 < len(text) <= _LONGEST_BUILDER_ID and text.isprintable()


def _rows(data: Any, field: str, *, what: str) -> list[Any]:
    found = data.get(field) if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise changed(what, field)
    return found
