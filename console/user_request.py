"""One request of somebody: who they are, what they may do, what they sent, and what is there to answer it with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console.cookies import Cookies
from console.database import ConsoleDatabase
from console.guard import PublicAddress
from console.limits import HashingPool, StreamPlaces
from console.listening import Listener
from console.oidc import OpenId
from console.pages import Pages
from console.reading.company import Snapshot
from console.refused import Letters, RefusedRecords
from console.shared_reads import SharedReads
from control.audit import Act
from control.console_users import ConsoleUser
from control.vault import Sealer
from core.clock import Clock
from core.settings import Settings
from schemas.command_sender import CommandSender
from schemas.registry import ConfluentRegistry

Form = dict[str, str]


class RefusedError(Exception):
    """A request that is answered with a page that says why: `status` is 4xx."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.text = text


@dataclass(frozen=True, slots=True)
class UserRequest:
    """Handed to every handler; handlers run in threads and may block."""

    http: Request
    services: Services
    user: ConsoleUser | None
    form: Form = field(default_factory=dict)
    entities: tuple[str, ...] = ()

    @property
    def me(self) -> ConsoleUser:
        """Who is signed in, where the screen asks for that."""
        assert self.user is not None
        return self.user

    @property
    def company_id(self) -> str:
        return str(self.http.path_params["company_id"])

    @property
    def now(self) -> datetime:
        return self.services.clock.now()

    def asked(self, name: str, *, longest: int = 100) -> str:
        """A field of the query, without spaces around it and NUL characters, cut to `longest`."""
        return self.http.query_params.get(name, "").replace("\0", "").strip()[:longest]

    def number(self, name: str, *, default: int, most: int) -> int:
        """A number of the query; the default for anything that is none."""
        text = self.http.query_params.get(name, "")
        return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 16 else default

    def form_token(self) -> str:
        return self.services.cookies.form_token(self.cookie())

    def cookie(self) -> str:
        """What the form token belongs to: the session, or before it the visitor."""
        cookies = self.services.cookies
        return cookies.session(self.http) if self.user else cookies.visitor(self.http)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A whole page. The console's own frame knows who is signed in."""
        frame = {"me": self.user, "form_token": self.form_token(), "here": self.http.url.path}
        return HTMLResponse(self.services.pages.render(template, self.now, **frame, **values), status_code=status)

    def act(self, action: str, *, command_id: str | None = None, **detail: Any) -> Act:
        """What the audit keeps of this request."""
        company_id = self.http.path_params.get("company_id")
        return Act(self.me.user_id, self.me.email, company_id, action, detail, command_id)


def see_other(path: str) -> Response:
    """Go on there, with a GET."""
    return RedirectResponse(path, status_code=303)


@dataclass(frozen=True, slots=True)
class Services:
    """`snapshots` are those of companies that several browsers share; `openid` is None where it is not set up."""

    settings: Settings
    clock: Clock
    public_address: PublicAddress
    cookies: Cookies
    database: ConsoleDatabase
    pages: Pages
    sender: CommandSender
    sealer: Sealer
    registry: ConfluentRegistry
    listener: Listener
    streams: StreamPlaces
    hashing: HashingPool
    refused: RefusedRecords
    snapshots: SharedReads[Snapshot]
    letters: SharedReads[Letters]
    openid: OpenId | None
