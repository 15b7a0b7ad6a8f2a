"""A Buildertrend user as the canonical record of `protiv.users`."""

from __future__ import annotations

from schemas.catalogue import USERS
from schemas.codec import Record
from streams.normalise.envelope import envelope
from streams.normalise.values import identifier, readable_money, text


def normalise_user(change: Record) -> Record:
    """The name is first and last name, else the whole name that a shift stated."""
    user = change["after"]
    identifier(user["userId"], "user id")
    first = text(user["firstName"], "first name")
    last = text(user["lastName"], "last name")
    parts = [part.strip() for part in (first, last) if part]
    return envelope(USERS, change) | {
        "name": " ".join(parts) or text(user["name"], "name"),
        "first_name": first,
        "last_name": last,
        "email": text(user["email"], "e-mail"),
        "phone": text(user["phone"], "phone"),
        "role": text(user["role"], "role"),
        "active": user["isActive"],
        "hourly_cost_micros": readable_money(user["defaultLaborCost"], "default labor cost"),
    }
