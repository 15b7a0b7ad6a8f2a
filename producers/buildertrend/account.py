"""A signed-in Buildertrend account: its endpoints as methods; signs in again whenever the session is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx

from core.log import get_logger
from producers.buildertrend import bodies
from producers.buildertrend.answers import (
    GridPage,
    Json,
    RefusedQueryError,
    SessionExpiredError,
    bare,
    changed,
    enveloped,
    grid_page,
    parsed_row,
    quick_grid,
    read_json,
    rows_of_report,
)
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.client import Answer, HttpClient
from producers.buildertrend.cookies import renewed
from producers.buildertrend.decoding import NotJsonError
from producers.buildertrend.evidence import Evidence
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.nested import fields_of_objects
from producers.buildertrend.option_lists import users_of
from producers.buildertrend.recipes import Recipe
from producers.buildertrend.sign_in import (
    Hosts,
    Session,
    SignedIn,
    SignInDetails,
    SignInJournal,
    browser_headers,
    sign_in,
)
from producers.buildertrend.time_zones import StatedZone, stated_zone
from schemas.faults import BLOCKED, NO_PERMISSION, SESSION_EXPIRED, SOURCE_CHANGED, SOURCE_UNAVAILABLE

T = TypeVar("T")
_Build = Callable[[], httpx.Request]
log = get_logger(__name__)
_SHORT_SESSION = 2
# A list of this length was answered for all who tried.
_LONG_LIST = 25
_MOST_SHORT_SESSIONS = 3
# So many companies of one Buildertrend user may end each other's sessions at the same moment.
_MOST_SESSIONS = 8
_LONGEST_BUILDER_ID = 64
# The first has jobs under warranty, too; the second more open ones.
_REPORTS = (
    "/apix/v3/Reporting/profitability?openJobLimit=200&closedJobLimit=50&warrantyJobLimit=50",
    "/apix/v3/Reporting/work-in-progress?openJobLimit=500",
)
_OPEN_JOBS_OF_REPORT = 200
_WITHOUT_REPORT = (NO_PERMISSION, SOURCE_CHANGED, SOURCE_UNAVAILABLE)
_LONGEST_BUILDER_NAME = 200
_DEEPEST_STATEMENT = 3
_LONGEST_TIMEOUT_MINUTES = 60 * 24 * 365
# Numbers that were seen (G13), and those by which the time clock goes; which of them list users is not known.
_FILTERS = (33, 92, 19, 29)
_FEW_SHIFTS = 20


@dataclass(frozen=True, slots=True)
class AccountIdentity:
    """Whose account this is."""

    builder_id: str
    builder_name: str
    session_timeout_s: int | None = None
    """After how long without a request a session ends, where the account states it (S9)."""
    zone: StatedZone = field(default_factory=StatedZone)


class SessionStore(SignInJournal, Protocol):
    """Keeps the session between runs, and the journal of sign-ins."""

    def load(self) -> Session | None:
        """The newest stored session of the account, if there is one."""

    def save(self, signed_in: SignedIn) -> None:
        """Store a new session in place of the old one, and the password that was accepted."""

    def renew(self, session: Session) -> None:
        """Store the session that is in use, with cookies that an answer renewed."""


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
        recipe: Recipe | None = None,
    ) -> None:
        """`details` is called only when a sign-in is due, to keep the password in memory for as short as possible.

        `recipe`: how Buildertrend's own page asks for shifts; without one the captured request is sent.
        """
        self._client = client
        self._hosts = hosts
        self._host = urlsplit(hosts.app_url).hostname or ""
        self._details = details
        self._sessions = sessions
        self._session = sessions.load()
        self.evidence = Evidence()
        self._identity: AccountIdentity | None = None
        self.page_size = page_size
        self._recipe = recipe
        self._recipe_answered = False
        self._short_picker = False
        self._user_filters: Sequence[int] = _FILTERS
        self._requests_served = 0
        self._short_sessions = 0
        self._over: deque[Session] = deque(maxlen=_MOST_SESSIONS)

    def identity(self) -> AccountIdentity:
        """Whose account it is, fetched once a run; the cheapest check that the session is alive [A]."""
        if self._identity is None:
            data = enveloped(self._get("/api/AccountInfo/GlobalInfo", what="account"), what="account")
            builder_id = _stated(data, "builderid", _is_builder_id)
            self.evidence.note("S9", holds=True)
            self.evidence.note("S10", holds=builder_id is not None)
            if builder_id is None:
                builder_id = self._builder_id_of_shifts()
            name = _stated(data, "buildername", lambda value: isinstance(value, str)) or ""
            shown = "".join(filter(str.isprintable, name))[:_LONGEST_BUILDER_NAME]
            minutes = _stated(data, "sessiontimeoutminutes", _is_timeout)
            timeout_s = None if minutes is None else int(minutes) * 60
            self._identity = AccountIdentity(str(builder_id), shown, timeout_s, stated_zone(data))
        return self._identity

    def _builder_id_of_shifts(self) -> Any:
        """Every shift states it; that GlobalInfo does is one source's guess (S10)."""
        try:
            rows = self.shifts(JobBatch(), PageAsk(size=_FEW_SHIFTS)).rows
            found = (_stated(parsed_row(raw), "builderid", _is_builder_id) for raw in rows)
            stated = next((one for one in found if one is not None), None)
        except (RefusedQueryError, NotJsonError):
            stated = None
        if stated is None:
            raise changed("account", "builderId")
        return stated

    def picker_jobs(self) -> list[Any]:
        """Rows of the job picker (J1); the short request where the long one is refused."""
        builder_id = self.identity().builder_id
        if not self._short_picker:
            try:
                return self._picked(bodies.job_picker(builder_id))
            except RefusedQueryError:
                self._short_picker = True
        return self._picked(bodies.short_job_picker())

    def _picked(self, body: Json) -> list[Any]:
        data = enveloped(self._post("/api/jobpicker/GetJobPickerData", body, what="jobs"), what="jobs")
        return _rows(data, "jobs", what="jobs")

    def listed_jobs(self) -> list[Any]:
        """Rows of the job list: numbers and streets."""
        data = enveloped(self._get("/api/jobpicker/GetExistingJobList", what="job list"), what="job list")
        return data if isinstance(data, list) else _rows(data, "jobs", what="job list")

    def shifts(self, batch: JobBatch, ask: PageAsk) -> GridPage:
        """A page of the shifts of some jobs, newest first; RefusedQueryError where fewer jobs may be answered."""
        is_long = ask.number == 1 and len(batch.job_ids) > _LONG_LIST
        try:
            page = self._shifts_page(bodies.shifts(batch, ask))
        except RefusedQueryError:
            if is_long:
                self.evidence.note("G5", holds=False)
            raise
        if is_long:
            self.evidence.note("G5", holds=True)
        return page

    def _shifts_page(self, body: Json) -> GridPage:
        """Asked as Buildertrend's own page asks (G14), where that is known; as captured where that is refused."""
        recipe = self._recipe
        if recipe is None:
            return self._grid("/api/TimeClock/Grid?gridType=29", body)
        try:
            page = self._grid(recipe.address, recipe.over(body))
        except RefusedQueryError:
            if self._recipe_answered:
                # It works: what is refused now is this list of jobs.
                raise
            page = self._grid("/api/TimeClock/Grid?gridType=29", body)
            log.warning("recipe_refused")
            self._recipe = None
            return page
        self._recipe_answered = True
        return page

    def _grid(self, address: str, body: Json) -> GridPage:
        request = self._request("POST", address, body)
        return self._call(request, lambda answer: quick_grid(answer) or grid_page(answer, what="shifts"))

    def listed_users(self) -> list[Any]:
        """Users as the first filter lists them that has users among its options; empty where none has."""
        for number in self._user_filters:
            try:
                found = users_of(self._get(f"/api/Filters/{number}", what="filters"))
            except RefusedQueryError:
                continue
            except SourceFaultError as exc:
                if exc.fault is not NO_PERMISSION:
                    raise
                # Who may not see filters has workers all the same: those that shifts name.
                self._user_filters = ()
                return []
            if found:
                self._user_filters = (number,)
                return found
        return []

    def cost_codes(self, job_id: int) -> list[Any]:
        """Cost codes of one job's budget; ModuleMissingError where the module is not used."""
        path = f"/apix/v2/JobCostingBudget/budget-cost-codes?jobId={job_id}"
        answer = bare(self._get(path, what="cost codes"), what="cost codes")
        return _rows_or_none(answer, "costCodesWithBudget", what="cost codes")

    def budget_categories(self, job_id: int) -> list[Any]:
        """Cost categories of one job's budget; ModuleMissingError where the module is not used."""
        answer = self._post("/apix/v2/JobCostingBudget", bodies.budget(job_id), what="budget")
        return _rows_or_none(bare(answer, what="budget"), "costCategories", what="budget")

    def worksheet_groups(self, job_id: int) -> list[Any]:
        """Top groups of one job's estimate worksheet; ModuleMissingError where the module is not used."""
        answer = bare(self._get(f"/api/Proposals/{job_id}/Worksheet", what="worksheet"), what="worksheet")
        return _rows_or_none(answer, "formatData", what="worksheet")

    def report(self) -> list[Any] | None:
        """A row for each job with how its figures stand (B5); None where the account has no such report."""
        reports = (rows for path in _REPORTS if (rows := self._report(path)) is not None)
        found = next(reports, None)
        if found is None or len(found) < _OPEN_JOBS_OF_REPORT:
            return found
        return [*found, *(next(reports, None) or ())]

    def _report(self, path: str) -> list[Any] | None:
        try:
            return rows_of_report(self._get(path, what="report"))
        except SourceFaultError as exc:
            # A query over the whole company may time out (R6) where all others are answered.
            if exc.fault not in _WITHOUT_REPORT:
                raise
            return None

    def _get(self, path: str, *, what: str) -> Any:
        return self._call(self._request("GET", path), lambda answer: read_json(answer, what=what))

    def _post(self, path: str, body: Json, *, what: str) -> Any:
        return self._call(self._request("POST", path, body), lambda answer: read_json(answer, what=what))

    def _request(self, method: str, path: str, body: Json | None = None) -> _Build:
        """Builds the request anew each time, with the session of that moment."""
        return lambda: httpx.Request(method, self._hosts.app_url + path, headers=self._headers(), json=body)

    def _headers(self) -> dict[str, str]:
        return browser_headers(self._hosts) | (self._session.headers() if self._session else {})

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
                if self._requests_served:
                    # It was in use a moment ago: no idling ended it.
                    self.evidence.note("S9", holds=False)
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
        request = build()
        answer = self._client.send(request)
        found = read(answer)
        self._client.note_answered(request)
        self._requests_served += 1
        self._take_cookies(answer)
        return found

    def _take_cookies(self, answer: Answer) -> None:
        """Take over the cookies that a good answer renews (S8), and store each new value once."""
        if self._session is None or not answer.set_cookies:
            return
        session = renewed(self._session, answer.set_cookies, host=self._host, now=self._client.clock.now())
        if session is not self._session:
            self._session = session
            self._sessions.renew(session)

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


def _stated(answer: Any, name: str, fits: Callable[[Any], bool]) -> Any:
    """The value of a field (its name in small letters), wherever in an answer it stands: outer ones first."""
    fields = fields_of_objects(answer, deepest=_DEEPEST_STATEMENT)
    return next((value for key, value in fields if key.lower() == name and fits(value)), None)


def _is_builder_id(value: Any) -> bool:
    """A number or a short text that tells this account from others; 0 is nobody's."""
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value in (0, "0"):
        return False
    text = str(value)
    return 0 < len(text) <= _LONGEST_BUILDER_ID and text.isprintable()


def _is_timeout(value: Any) -> bool:
    """Minutes; what nobody waits for says nothing."""
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool) and 1 <= value <= _LONGEST_TIMEOUT_MINUTES


def _rows_or_none(data: Json, field: str, *, what: str) -> list[Any]:
    """The rows of a list that is null or missing where there is nothing (B4)."""
    return [] if data.get(field) is None else _rows(data, field, what=what)


def _rows(data: Any, field: str, *, what: str) -> list[Any]:
    found = data.get(field) if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise changed(what, field)
    return found
