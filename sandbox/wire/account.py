"""The account's own facts (S9, S10)."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.wire.call import Call, enveloped
from sandbox.wire.gate import wire_route

_WINDOWS_ZONES = {
    "America/Denver": "Mountain Standard Time",
    "America/New_York": "Eastern Standard Time",
    "America/Chicago": "Central Standard Time",
    "America/Los_Angeles": "Pacific Standard Time",
    "America/Phoenix": "US Mountain Standard Time",
}


def routes() -> list[Route]:
    return [
        wire_route("/api/AccountInfo/GlobalInfo", _global_info, method="GET"),
    ]


def _global_info(call: Call) -> Response:
    profile, switches = call.company.profile, call.company.switches
    facts: dict[str, object] = {
        "builderId": profile.builder_id,
        "builderName": profile.name,
        "portalType": 1,
        "userName": profile.username,
        "isMultiFactorEnabled": switches.sign_in.startswith("mfa"),
        "features": {"timeClock": True, "jobCosting": True, "estimates": True},
        "culture": "en-US",
        "appDefaultInfo": {"sessionTimeoutMinutes": switches.session_timeout_minutes, **_zone(call.company)},
    }
    if not switches.builder_id_in_account:
        del facts["builderId"]
    return enveloped(facts)


def _zone(company: Company) -> dict[str, object]:
    """The account's time zone, where it states one at all; the field's name and form are our guess [C]."""
    match company.switches.stated_time_zone:
        case "iana":
            return {"timeZone": company.profile.time_zone}
        case "windows":
            return {"timeZone": _WINDOWS_ZONES.get(company.profile.time_zone, "UTC")}
        case _:
            return {}
