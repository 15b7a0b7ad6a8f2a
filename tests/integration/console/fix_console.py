"""The console's whole application over a real database, Kafka and registry, in this process; and its users."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
from starlette.testclient import TestClient

from console.app import SCREENS, console_app
from console.guard import Guard, PublicAddress
from console.main import services_of
from console.screens import Screen
from console.user_request import Services
from control.console_sessions import begin_session
from control.console_users import NewUser, add_user, user_by_email
from core.settings import Settings

PASSWORD = "correct horse battery"
ORIGIN = "http://127.0.0.1:8080"
# Every route but the event stream, which has no end to wait for.
ANSWERED = [screen for screen in SCREENS if not screen.path.endswith("/events")]
TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass
class Site:
    """The application, ready to be asked."""

    app: Guard
    services: Services
    settings: Settings
    browsers: list[TestClient] = field(default_factory=list)

    def browser(self, address: str = "testclient", **headers: str) -> TestClient:
        """A browser of its own, at an address; it follows no redirect by itself."""
        made = TestClient(
            self.app,
            ORIGIN,
            follow_redirects=False,
            raise_server_exceptions=False,
            headers=headers,
            client=(address, 50_000),
        )
        self.browsers.append(made)
        return made

    def user(self, role: str, company_id: str | None = None, password: str | None = PASSWORD) -> str:
        """The e-mail of a new user; the password is PASSWORD."""
        email = f"{role}-{uuid4().hex[:10]}@protiv.example"
        with self.services.database.writing() as tx:
            add_user(tx, NewUser(email, f"The {role}", role, company_id, password))
        return email

    def signed_in(self, role: str, company_id: str | None = None) -> TestClient:
        """A browser with a session, without the second that a password takes."""
        email = self.user(role, company_id, None)
        browser = self.browser()
        with self.services.database.writing() as tx:
            user = user_by_email(tx, email)
            assert user is not None
            browser.cookies.set("protiv_session", begin_session(tx, user.user_id), domain="127.0.0.1")
        return browser

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """A statement as the owner of the database; its rows."""
        with psycopg.connect(self.settings.database_url.get_secret_value(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), list(values))
            return cursor.fetchall() if cursor.description else []

    def company(self, **columns: Any) -> str:
        """A connected company that nothing has been read of, with other columns where they are given."""
        company_id = f"co-{uuid4().hex[:10]}"
        values = {"username": "u", "time_zone": "America/Denver", "state": "connected", **columns}
        names = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        self.run(
            f"INSERT INTO integration.connections (company_id, {names}) VALUES (%s, {marks})",
            company_id,
            *values.values(),
        )
        return company_id


@contextmanager
def running_site(settings: Settings, **changes: Any) -> Iterator[Site]:
    """The application with its database reached."""
    services = services_of(settings, PublicAddress(settings))
    services.database.connect(threading.Event())
    site = Site(console_app(services), services, settings)
    try:
        yield site
    finally:
        for browser in site.browsers:
            browser.close()
        services.database.close()
        services.registry.close()


def token_of(answer: httpx2.Response) -> str:
    """The form token of a page."""
    found = TOKEN.search(answer.text)
    assert found, answer.text[:2000]
    return found[1]


def sign_in(browser: TestClient, email: str, password: str = PASSWORD, **fields: str) -> httpx2.Response:
    token = token_of(browser.get("/sign-in"))
    return browser.post("/sign-in", data={"form_token": token, "email": email, "password": password, **fields})


def post(browser: TestClient, path: str, **fields: str) -> httpx2.Response:
    """A form of a signed-in browser, with the token that its pages have."""
    token = token_of(browser.get("/audit"))
    return browser.post(path, data={"form_token": token, **fields})


def path_of(screen: Screen, company_id: str) -> str:
    values = {"company_id": company_id, "run_id": "1", "entity": "jobs", "entity_id": "1", "job_id": "1"}
    return screen.path.format(**values)
