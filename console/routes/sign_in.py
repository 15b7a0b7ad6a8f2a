"""Signing in and out, with a password or with OpenID Connect."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.responses import Response

from console.guard import origin_of
from console.metrics import SIGN_INS
from console.oidc import NotVouchedError, Person
from console.user_request import RefusedError, UserRequest, see_other
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


def show(request: UserRequest) -> Response:
    """The form; whoever is signed in goes on."""
    if request.user is not None:
        return see_other(_next(request.asked("next", longest=500)))
    return _form(request, next_path=request.asked("next", longest=500))


def submit(request: UserRequest) -> Response:
    """Sign in; the session is a new one, whatever the browser had."""
    email = normal_email(request.form.get("email", ""))
    next_path = request.form.get("next", "")
    if not is_email(email):
        return _form(request, status=422, problem=_NO_EMAIL, next_path=next_path)
    tries = _Tries.of(request, email)
    try:
        with request.services.database.writing() as tx:
            # Counted before the password is looked at: many at once must not all pass.
            tries.claim(tx)
            password_hash = password_hash_of(tx, email)
    except TooManyTriesError as exc:
        SIGN_INS.labels("limited").inc()
        return _form(request, status=429, email=email, problem=_too_many(exc.wait_s), next_path=next_path)
    if not password_fits(password_hash, request.form.get("password", "")):
        return _refused(request, email, next_path)
    with request.services.database.writing() as tx:
        user = user_by_email(tx, email)
        if user is None:
            return _form(request, status=422, email=email, problem=_WRONG, next_path=next_path)
        tries.forget(tx)
    return _signed_in(request, user, "password", next_path)


def _refused(request: UserRequest, email: str, next_path: str) -> Response:
    """Kept in the audit where it was for a user; what was typed for nobody may be anything, a password included."""
    SIGN_INS.labels("refused").inc()
    with request.services.database.writing() as tx:
        user = user_by_email(tx, email)
        if user is not None:
            detail = {"with": "password", "from": origin_of(request.http)}
            record(tx, Act(user.user_id, user.email, user.company_id, "sign-in-refused", detail))
    return _form(request, status=422, email=email, problem=_WRONG, next_path=next_path)


@dataclass(frozen=True, slots=True)
class _Tries:
    """What a sign-in counts against: the known device alone, else this e-mail from this address, and the address."""

    limits: tuple[tuple[Limit, str], ...]

    @classmethod
    def of(cls, request: UserRequest, email: str) -> _Tries:
        device = request.services.cookies.device(request.http, email)
        if device:
            return cls(((SIGN_IN_LIMIT, f"device {device}"),))
        origin = origin_of(request.http)
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


def sign_out(request: UserRequest) -> Response:
    """End the session, here and in the database."""
    cookies = request.services.cookies
    with request.services.database.writing() as tx:
        end_session(tx, cookies.session(request.http))
    answer = see_other("/sign-in")
    cookies.drop_session(answer)
    return answer


def start_openid(request: UserRequest) -> Response:
    """Send the browser to the provider."""
    openid = request.services.openid
    if openid is None:
        raise RefusedError(404, "There is nothing here", "OpenID Connect is not set up for this console.")
    _claim_openid(request)
    started = openid.start()
    answer = see_other(started.url)
    request.services.cookies.set_oidc(answer, started.kept | {"next": _next(request.asked("next", longest=500))})
    return answer


def finish_openid(request: UserRequest) -> Response:
    """The browser comes back from the provider."""
    openid, cookies = request.services.openid, request.services.cookies
    kept = cookies.oidc(request.http)
    if openid is None or kept is None:
        return _form(request, status=422, problem="The sign-in took too long. Start again.")
    _claim_openid(request)
    try:
        person = openid.finish(str(request.http.url), kept)
    except NotVouchedError as exc:
        SIGN_INS.labels("refused").inc()
        return _form(request, status=422, problem=str(exc))
    user = _user_of(request, person)
    if user is None:
        SIGN_INS.labels("refused").inc()
        return _form(request, status=422, problem=f"{person.email} is not a user of this console. Ask Protiv support.")
    answer = _signed_in(request, user, "OpenID Connect", str(kept.get("next", "/")))
    cookies.drop_oidc(answer)
    return answer


def _claim_openid(request: UserRequest) -> None:
    """Each asks the provider: so many from one address and no more."""
    with request.services.database.writing() as tx:
        try:
            claim(tx, OPENID_LIMIT, f"address {origin_of(request.http)}")
        except TooManyTriesError as exc:
            raise RefusedError(429, "Too many attempts", _too_many(exc.wait_s)) from exc


def _user_of(request: UserRequest, person: Person) -> ConsoleUser | None:
    """The user of a person; that somebody vouched for is none of ours is kept in the audit, with the issuer alone."""
    with request.services.database.writing() as tx:
        user = user_of_subject(tx, issuer=person.issuer, subject=person.subject, email=person.email)
        if user is None:
            detail = {"with": "OpenID Connect", "from": origin_of(request.http)}
            record(tx, Act(None, "nobody known here", None, "sign-in-refused", detail))
    return user


def _too_many(wait_s: float) -> str:
    return f"Too many attempts. Try again in {duration(wait_s + 1)}."


def _signed_in(request: UserRequest, user: ConsoleUser, way: str, next_path: str) -> Response:
    cookies = request.services.cookies
    with request.services.database.writing() as tx:
        token = begin_session(tx, user.user_id, instead_of=cookies.session(request.http))
        detail = {"with": way, "from": origin_of(request.http)}
        record(tx, Act(user.user_id, user.email, user.company_id, "sign-in", detail))
    SIGN_INS.labels("done").inc()
    answer = see_other(_next(next_path))
    cookies.set_session(answer, token)
    cookies.set_device(request.http, answer, user.email)
    return answer


def _form(
    request: UserRequest, *, status: int = 200, email: str = "", problem: str = "", next_path: str = "/"
) -> Response:
    # One visitor id for the form's token and for the cookie that must come back with it.
    visitor = request.services.cookies.visitor(request.http)
    answer = request.page(
        "sign_in.html",
        status=status,
        email=email,
        problem=problem,
        next_path=_next(next_path),
        sign_in_token=request.services.cookies.form_token(visitor),
    )
    request.services.cookies.set_visitor(answer, visitor)
    return answer


def _next(path: str) -> str:
    return path if _NEXT.fullmatch(path) else "/"
