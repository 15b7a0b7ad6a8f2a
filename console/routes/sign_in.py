"""Signing in and out, with a password or with OpenID Connect."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.responses import Response

from console.guard import origin_of
from console.metrics import SIGN_INS
from console.oidc import NotVouchedError, Person
from console.visit import RefusedError, Visit, see_other
from console.words import duration
from control.audit import Act, record
from control.console_sessions import (
    ADDRESS_LIMIT,
    OPENID_LIMIT,
    SIGN_IN_LIMIT,
    Limit,
    TooManyTriesError,
    begin_session,
    claim,
    end_session,
    forget_tries,
    give_back,
)
from control.console_users import (
    ConsoleUser,
    is_email,
    normal_email,
    password_fits,
    password_hash_of,
    user_by_email,
    user_of_subject,
)
from control.database import Transaction

_WRONG = "This e-mail and password do not match. Check both, or ask Protiv support for a new password."
_NO_EMAIL = "This is not an e-mail address that can sign in here: only letters without accents, digits and punctuation."
# A path of this console and nothing that a browser could take for another host.
_NEXT = re.compile(r"/(?:[A-Za-z0-9_.~%-][A-Za-z0-9_.~%/-]*)?")


def show(visit: Visit) -> Response:
    """The form; whoever is signed in goes on."""
    if visit.user is not None:
        return see_other(_next(visit.asked("next", longest=500)))
    return _form(visit, next_path=visit.asked("next", longest=500))


def submit(visit: Visit) -> Response:
    """Sign in; the session is a new one, whatever the browser had."""
    email = normal_email(visit.form.get("email", ""))
    next_path = visit.form.get("next", "")
    if not is_email(email):
        return _form(visit, status=422, problem=_NO_EMAIL, next_path=next_path)
    tries = _Tries.of(visit, email)
    try:
        with visit.services.reach.writing() as tx:
            # Counted before the password is looked at: many at once must not all pass.
            tries.claim(tx)
            password_hash = password_hash_of(tx, email)
    except TooManyTriesError as exc:
        SIGN_INS.labels("limited").inc()
        return _form(visit, status=429, email=email, problem=_too_many(exc.wait_s), next_path=next_path)
    if not password_fits(password_hash, visit.form.get("password", "")):
        return _refused(visit, email, next_path)
    with visit.services.reach.writing() as tx:
        user = user_by_email(tx, email)
        if user is None:
            return _form(visit, status=422, email=email, problem=_WRONG, next_path=next_path)
        tries.forget(tx)
    return _signed_in(visit, user, "password", next_path)


def _refused(visit: Visit, email: str, next_path: str) -> Response:
    """Kept in the audit where it was for a user; what was typed for nobody may be anything, a password included."""
    SIGN_INS.labels("refused").inc()
    with visit.services.reach.writing() as tx:
        user = user_by_email(tx, email)
        if user is not None:
            detail = {"with": "password", "from": origin_of(visit.request)}
            record(tx, Act(user.user_id, user.email, user.company_id, "sign-in-refused", detail))
    return _form(visit, status=422, email=email, problem=_WRONG, next_path=next_path)


@dataclass(frozen=True, slots=True)
class _Tries:
    """What a sign-in counts against: the known device alone, else this e-mail from this address, and the address."""

    limits: tuple[tuple[Limit, str], ...]

    @classmethod
    def of(cls, visit: Visit, email: str) -> _Tries:
        device = visit.services.cookies.device(visit.request, email)
        if device:
            return cls(((SIGN_IN_LIMIT, f"device {device}"),))
        origin = origin_of(visit.request)
        return cls(((SIGN_IN_LIMIT, f"e-mail {email} from {origin}"), (ADDRESS_LIMIT, f"address {origin}")))

    def claim(self, tx: Transaction) -> None:
        for limit, subject in self.limits:
            claim(tx, limit, subject)

    def forget(self, tx: Transaction) -> None:
        """Of this user alone: what others tried from the address still counts."""
        own, *shared = self.limits
        forget_tries(tx, *own)
        for limit, subject in shared:
            give_back(tx, limit, subject)


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
    _claim_openid(visit)
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
    _claim_openid(visit)
    try:
        person = openid.finish(str(visit.request.url), kept)
    except NotVouchedError as exc:
        SIGN_INS.labels("refused").inc()
        return _form(visit, status=422, problem=str(exc))
    user = _user_of(visit, person)
    if user is None:
        SIGN_INS.labels("refused").inc()
        return _form(visit, status=422, problem=f"{person.email} is not a user of this console. Ask Protiv support.")
    answer = _signed_in(visit, user, "OpenID Connect", str(kept.get("next", "/")))
    cookies.drop_oidc(answer)
    return answer


def _claim_openid(visit: Visit) -> None:
    """Each asks the provider: so many from one address and no more."""
    with visit.services.reach.writing() as tx:
        try:
            claim(tx, OPENID_LIMIT, f"address {origin_of(visit.request)}")
        except TooManyTriesError as exc:
            raise RefusedError(429, "Too many attempts", _too_many(exc.wait_s)) from exc


def _user_of(visit: Visit, person: Person) -> ConsoleUser | None:
    """The user of a person; that somebody vouched for is none of ours is kept in the audit, with the issuer alone."""
    with visit.services.reach.writing() as tx:
        user = user_of_subject(tx, issuer=person.issuer, subject=person.subject, email=person.email)
        if user is None:
            detail = {"with": "OpenID Connect", "from": origin_of(visit.request)}
            record(tx, Act(None, "nobody known here", None, "sign-in-refused", detail))
    return user


def _too_many(wait_s: float) -> str:
    return f"Too many attempts. Try again in {duration(wait_s + 1)}."


def _signed_in(visit: Visit, user: ConsoleUser, way: str, next_path: str) -> Response:
    cookies = visit.services.cookies
    with visit.services.reach.writing() as tx:
        token = begin_session(tx, user.user_id, instead_of=cookies.session(visit.request))
        detail = {"with": way, "from": origin_of(visit.request)}
        record(tx, Act(user.user_id, user.email, user.company_id, "sign-in", detail))
    SIGN_INS.labels("done").inc()
    answer = see_other(_next(next_path))
    cookies.set_session(answer, token)
    cookies.set_device(visit.request, answer, user.email)
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
