"""The companies of one sandbox: found by username or builder id, loaded from the state file when first needed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.company import Company
from sandbox.errors import NotFoundError, RefusedError
from sandbox.generator.company import generate
from sandbox.generator.plan import Kind, Plan, profile_of, seeded
from sandbox.model import Profile
from sandbox.state import StateFile
from sandbox.switches import Switches

_CREWS_CLOCKED_IN_BY_HOUR = 8


@dataclass(frozen=True, slots=True)
class CompanyRequest:
    """What a new company should be; what is None follows from the seed, the anchor date from the clock."""

    seed: int
    jobs: int
    shifts: int
    time_zone: str = "America/Denver"
    name: str | None = None
    username: str | None = None
    password: str | None = None
    anchor_date: date | None = None
    kind: Kind = "projects"
    years: int | None = None


class Directory:
    """Holds every company; an existing company is reused with its edits."""

    def __init__(self, state: StateFile) -> None:
        self._state = state
        self._profiles = {profile.builder_id: profile for profile in state.profiles()}
        self._loaded: dict[int, Company] = {}

    def profiles(self) -> list[Profile]:
        """Every company's profile, oldest company first."""
        return list(self._profiles.values())

    def company(self, builder_id: int) -> Company:
        """Raises NotFoundError when no company has the id."""
        if builder_id not in self._profiles:
            raise NotFoundError(f"There is no company with builder id {builder_id}.")
        if builder_id not in self._loaded:
            self._loaded[builder_id] = Company(
                self._profiles[builder_id],
                self._state.load_tables(builder_id),
                switches=self._state.load_switches(builder_id),
                journal=self._state,
            )
        return self._loaded[builder_id]

    def by_username(self, username: str) -> Company | None:
        wanted = username.casefold()
        for profile in self._profiles.values():
            if profile.username.casefold() == wanted:
                return self.company(profile.builder_id)
        return None

    def open_or_create(self, request: CompanyRequest) -> Company:
        """The company of the same seed, size and kind (and username, if one is asked for), else a new one."""
        for profile in self._profiles.values():
            if _size(profile) == _size(request) and request.username in (None, profile.username):
                return self.company(profile.builder_id)
        return self._create(request)

    def rewrite_profile(self, company: Company, changes: dict[str, str]) -> None:
        """Change name, username, password or time zone; raises RefusedError when the username is another company's."""
        username = changes.get("username")
        if username is not None and self.by_username(username) not in (None, company):
            raise RefusedError(f"The username {username} belongs to another company.")
        profile = Profile(**{**asdict(company.profile), **changes})
        company.rewrite_profile(profile)
        self._profiles[profile.builder_id] = profile

    def _create(self, request: CompanyRequest) -> Company:
        anchor = request.anchor_date or anchor_for(datetime.now(ZoneInfo(request.time_zone)))
        plan = Plan(request.seed, request.jobs, request.shifts, anchor, request.time_zone, request.kind, request.years)
        profile = profile_of(plan)
        wanted = {"name": request.name, "username": request.username, "password": request.password}
        profile = Profile(**{**asdict(profile), **{key: value for key, value in wanted.items() if value is not None}})
        if self.by_username(profile.username) is not None:
            raise RefusedError(f"The username {profile.username} belongs to another company.")
        profile = replace(profile, builder_id=self._free_builder_id(profile))
        tables, switches = generate(plan), Switches()
        self._state.save_company(profile, tables, switches)
        self._profiles[profile.builder_id] = profile
        company = Company(profile, tables, switches=switches, journal=self._state)
        self._loaded[profile.builder_id] = company
        return company

    def _free_builder_id(self, profile: Profile) -> int:
        rng = seeded(profile.username)
        builder_id = profile.builder_id
        while builder_id in self._profiles:
            builder_id = rng.randint(20_000, 999_999)
        return builder_id


def _size(of: Profile | CompanyRequest) -> tuple[object, ...]:
    return of.seed, of.jobs, of.shifts, of.kind, of.years


def anchor_for(now: datetime) -> date:
    """The company's last day with shifts: today once the crews are clocked in, so that no shift is in the future."""
    return now.date() if now.hour >= _CREWS_CLOCKED_IN_BY_HOUR else now.date() - timedelta(days=1)
