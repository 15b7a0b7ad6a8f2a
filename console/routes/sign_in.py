"""Signing in and out, with a password or with OpenID Connect."""

from __future__ import annotations

import re

from starlette.responses import Response

from console.oidc import NotVouchedError
from console.telemetry import SIGN_INS
from console.visit import RefusedError, Visit, see_other
from control.audit import Act, record
from control.console_sessions import (
    SIGN_IN_LIMIT,
    begin_session,
    end_session,
    forget_attempts,
    is_over_limit,
    note_attempt,
)
from control.console_users import (
    ConsoleUser,
    normal_email,
    password_fits,
    password_hash_of,
    user_by_email,
    user_of_subject,
)

_WRONG = "This e-mail and password do not go together. Check both, or ask Protiv support for a new password."
_TOO_MANY = "Too many attempts. Wait 15 minutes, then try again."
# A path of this console and nothing that a browser could take for another host.
_NEXT = re.compile(r"/(?:[A-Za-z0-9_.~%-][A-Za-z0-9_.~%/-]*)?")


def show(visit: Visit) -> Response:
    """The form; whoever is signed in goes on."""
    if visit.user is not None:
        return see_other(_next(visit.asked("next", longest=500)))
    return _form(visit, next_path=visit.asked("next", longest=500))


def submit(visit: Visit) -> Response:
    """Sign in; the session is a new one, whatever the browser had."""
    email = normal_email(visit.form.get("email", ""))[:200]
    next_path = visit.form.get("next", "")
    subjects = [f"e-mail {email}", f"address {visit.request.client.host if visit.request.client else 'unknown'}"]
    with visit.services.reach.writing() as tx:
        if any(is_over_limit(tx, SIGN_IN_LIMIT, subject) for subject in subjects):
            SIGN_INS.labels("limited").inc()
            return _form(visit, status=429, email=email, problem=_TOO_MANY, next_path=next_path)
        # Counted before the password is looked at: many at once must not all pass.
        for subject in subjects:
            note_attempt(tx, SIGN_IN_LIMIT, subject)
        password_hash = password_hash_of(tx, email)
    if not password_fits(password_hash, visit.form.get("password", "")):
        SIGN_INS.labels("refused").inc()
        return _form(visit, status=422, email=email, problem=_WRONG, next_path=next_path)
    with visit.services.reach.writing() as tx:
        user = user_by_email(tx, email)
        if user is None:
            return _form(visit, status=422, email=email, problem=_WRONG, next_path=next_path)
        for subject in subjects:
            forget_attempts(tx, SIGN_IN_LIMIT, subject)
    return _signed_in(visit, user, "password", next_path)


def sign_out(visit: Visit) -> Response:
    """End the session, here and in the database."""
    cookies = visit.services.cookies
    with visit.services.reach.writing() as tx:
        end_session(tx, cookies.session(visit.request))
    answer = see_other("/sign-in")
    cookies.drop_session(answer)
    return answer


def start_openid(visit: Visit) -> Response:
    """Send the browser to the provider."""
    openid = visit.services.openid
    if openid is None:
        raise RefusedError(404, "There is nothing here", "OpenID Connect is not set up for this console.")
    started = openid.start()
    answer = see_other(started.url)
    visit.services.cookies.set_oidc(answer, started.kept | {"next": _next(visit.asked("next", longest=500))})
    return answer


def finish_openid(visit: Visit) -> Response:
    """The browser comes back from the provider."""
    openid, cookies = visit.services.openid, visit.services.cookies
    kept = cookies.oidc(visit.request)
    if openid is None or kept is None:
        return _form(visit, status=422, problem="The sign-in took too long. Start again.")
    try:
        person = openid.finish(str(visit.request.url), kept)
    except NotVouchedError as exc:
        SIGN_INS.labels("refused").inc()
        return _form(visit, status=422, problem=str(exc))
    with visit.services.reach.writing() as tx:
        user = user_of_subject(tx, issuer=person.issuer, subject=person.subject, email=person.email)
    if user is None:
        SIGN_INS.labels("refused").inc()
        return _form(visit, status=422, problem=f"{person.email} is no user of this console. Ask Protiv support.")
    answer = _signed_in(visit, user, "OpenID Connect", str(kept.get("next", "/")))
    cookies.drop_oidc(answer)
    return answer


def _signed_in(visit: Visit, user: ConsoleUser, way: str, next_path: str) -> Response:
    cookies = visit.services.cookies
    with visit.services.reach.writing() as tx:
        token = begin_session(tx, user.user_id, instead_of=cookies.session(visit.request))
        record(tx, Act(user.user_id, user.email, user.company_id, "sign-in", {"with": way}))
    SIGN_INS.labels("done").inc()
    answer = see_other(_next(next_path))
    cookies.set_session(answer, token)
    return answer


def _form(visit: Visit, *, status: int = 200, email: str = "", problem: str = "", next_path: str = "/") -> Response:
    # One visitor id for the form's token and for the cookie that must come back with it.
    visitor = visit.services.cookies.visitor(visit.request)
    answer = visit.page(
        "sign_in.html",
        status=status,
        email=email,
        problem=problem,
        next_path=_next(next_path),
        sign_in_token=visit.services.cookies.form_token(visitor),
    )
    visit.services.cookies.set_visitor(answer, visitor)
    return answer


def _next(path: str) -> str:
    return path if _NEXT.fullmatch(path) else "/"
