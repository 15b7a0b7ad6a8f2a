"""What an admin enters in Connect, checked field by field; spaces are noticed, the password is never shown again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from zoneinfo import available_timezones

from console.visit import Form

# What most customers need, in front of all there are.
COMMON_ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Toronto",
    "America/Vancouver",
)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Entered:
    """A form as it came, with what is wrong by field. `password_has_spaces`: around it, which are sent as typed."""

    username: str = ""
    password: str = field(default="", repr=False)
    time_zone: str = ""
    import_from: str = ""
    day: date | None = None
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def password_has_spaces(self) -> bool:
        return self.password != self.password.strip()

    def problem(self, name: str) -> str:
        """What is wrong with a field, or nothing."""
        return self.problems.get(name, "")


def entered(form: Form, today: date) -> Entered:
    """Read the form of Connect."""
    username = form.get("username", "").strip()
    password = form.get("password", "")
    time_zone = form.get("time_zone", "").strip()
    import_from = form.get("import_from", "").strip()
    day, wrong_day = _day(import_from, today)
    problems = {
        "username": _text_problem(username, "Enter the Buildertrend username."),
        "password": _text_problem(password, "Enter the Buildertrend password."),
        "time_zone": "" if time_zone in all_zones() else "Choose the company’s time zone.",
        "import_from": wrong_day,
    }
    wrong = {name: problem for name, problem in problems.items() if problem}
    return Entered(username[:_LONGEST], password, time_zone, import_from, day, wrong)


def all_zones() -> list[str]:
    """Every zone that may be chosen, the common ones first."""
    others = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [*COMMON_ZONES, *(name for name in others if name not in COMMON_ZONES)]


def _text_problem(text: str, empty: str) -> str:
    if not text:
        return empty
    if "\0" in text or len(text) > _LONGEST:
        return "This cannot be right: it is too long, or holds a character that nobody can type."
    return ""


def _day(text: str, today: date) -> tuple[date | None, str]:
    if not text:
        return None, ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None, "Enter a day such as 2026-01-31, or leave it empty for everything."
    if not date(1990, 1, 1) <= day <= today:
        return None, "Choose a day that is not in the future, or leave it empty for everything."
    return day, ""
