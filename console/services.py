"""Everything that the answers to requests work with, built once a process."""

from __future__ import annotations

from dataclasses import dataclass

from console.cookies import Cookies
from console.guard import Door
from console.kept import Kept
from console.limits import HashingPool, StreamPlaces
from console.listening import Listener
from console.oidc import OpenId
from console.pages import Pages
from console.reach import Reach
from console.reading.company import Snapshot
from console.reading.letters import Letters
from console.refused import RefusedRecords
from console.sending import Sender
from control.vault import Sealer
from core.clock import Clock
from core.settings import Settings
from schemas.registry import ConfluentRegistry


@dataclass(frozen=True, slots=True)
class Services:
    """`kept` are snapshots of companies that several browsers share; `openid` is None where it is not set up."""

    settings: Settings
    clock: Clock
    door: Door
    cookies: Cookies
    reach: Reach
    pages: Pages
    sender: Sender
    sealer: Sealer
    registry: ConfluentRegistry
    listener: Listener
    streams: StreamPlaces
    hashing: HashingPool
    refused: RefusedRecords
    kept: Kept[Snapshot]
    letters: Kept[Letters]
    openid: OpenId | None
