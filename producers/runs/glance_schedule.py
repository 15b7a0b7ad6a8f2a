"""When the newest page of shifts is looked at next: pure.

Often while people work, hourly else, before a session would end, and ever later while it fails.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from control.connections import Connection
from core.settings import Settings
from producers.working_hours import UNKNOWN_YET, WorkingHours

_HOURLY_S = 3600.0
_SHARE = (0.9, 1.0)
# A request so long before a session ends keeps it alive; no account is asked more often than this for that alone.
_SHARE_OF_SESSION = 0.8
_SHORTEST_KEPT_ALIVE_S = 300.0
_MOST_DOUBLINGS = 6


def next_glance(now: datetime, connection: Connection, settings: Settings, jitter: random.Random) -> datetime | None:
    """The time of the next glance; None where glances are switched off.

    Every failed glance in a row makes the pause twice as long, up to the interval of recent reads.
    """
    if not settings.glance_interval_s:
        return None
    pause_s = glance_pause_s(now, connection, settings)
    if connection.glance_failures:
        longest_s = max(float(settings.poll_interval_s), pause_s)
        pause_s = min(pause_s * 2.0 ** min(connection.glance_failures, _MOST_DOUBLINGS), longest_s)
    return now + timedelta(seconds=pause_s * jitter.uniform(*_SHARE))


def glance_pause_s(now: datetime, connection: Connection, settings: Settings) -> float:
    """Seconds to the next glance where all is well."""
    interval_s = float(settings.glance_interval_s)
    local = now.astimezone(ZoneInfo(connection.time_zone))
    hours = UNKNOWN_YET if connection.working_hours is None else WorkingHours.from_json(connection.working_hours)
    pause_s = interval_s
    if not hours.includes(local):
        pause_s = max(interval_s, _HOURLY_S)
        start = hours.next_start(local)
        if start is not None:
            # The first look comes soon after people begin, not up to an hour later.
            pause_s = min(pause_s, (start - local).total_seconds() + interval_s)
    if connection.session_timeout_s:
        pause_s = min(pause_s, max(connection.session_timeout_s * _SHARE_OF_SESSION, _SHORTEST_KEPT_ALIVE_S))
    return pause_s
