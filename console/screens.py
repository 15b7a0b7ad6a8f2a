"""Every route of the console with who may use it, and the one way that requests take through them:
who is it, may they, is the form ours; then the handler, in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.access import Access, Verdict, judge
from console.cookies import FORM_FIELD, comes_from_elsewhere
from console.guard import TEMPLATE
from console.limits import BusyError
from console.user_request import RefusedError, Services, UserRequest, see_other
from control.console_sessions import session_user
from control.console_users import ConsoleUser
from core.errors import IntegrationError
from core.log import get_logger

Handler = Callable[[UserRequest], Response]

log = get_logger(__name__)
_LONGEST_FIELD = 10_000
_MOST_BYTES = 256 * 1024
_NOTHING = RefusedError(404, "There is nothing here", "The address is wrong.")
_NOT_TYPED = RefusedError(
    422, "This cannot be right", "A field holds a character that nobody can type. Go back and check."
)
_NOT_OURS = RefusedError(
    403,
    "This form is too old",
    "It was not sent by this page, or you signed in again since. Go back, reload, try again.",
)


@dataclass(frozen=True, slots=True)
class Screen:
    """One route. `is_json`: errors are JSON, too, and nobody is led to the sign-in page. `hashes`: a password."""

    method: str
    path: str
    handle: Handler
    access: Access
    is_json: bool = False
    hashes: bool = False

    @property
    def is_unsafe(self) -> bool:
        """Whether it changes something, and so wants the form token."""
        return self.method not in ("GET", "HEAD")


def route_of(screen: Screen, services: Services) -> Route:
    """The screen as Starlette serves it."""

    async def endpoint(http: Request) -> Response:
        http.scope[TEMPLATE] = screen.path
        request = UserRequest(http, services, None)
        try:
            request = UserRequest(http, services, await run_in_threadpool(_signed_in_user, http, services))
            return await _answer(screen, request)
        except RefusedError as refused:
            return _told(screen, request, status=refused.status, title=refused.title, text=refused.text)
        except BusyError as busy:
            answer = _told(screen, request, status=503, title="Too much at once", text=str(busy))
            answer.headers["Retry-After"] = str(busy.retry_after_s)
            return answer
        except IntegrationError as exc:
            log.warning("page_cannot_be_shown", reason=str(exc))
            return _told(screen, request, status=503, title="This cannot be shown right now", text=str(exc))

    return Route(screen.path, endpoint, methods=[screen.method])


async def _answer(screen: Screen, request: UserRequest) -> Response:
    values = request.http.path_params
    if any("\0" in str(value) for value in values.values()):
        raise _NOTHING
    verdict = judge(screen.access, request.user, values.get("company_id"))
    if verdict is not Verdict.MAY:
        return _refusal(screen, request, verdict)
    if not screen.is_unsafe:
        return await run_in_threadpool(screen.handle, request)
    form = await _form(request.http)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    if any("\0" in name + value for name, value in fields.items()):
        raise _NOT_TYPED
    entities = tuple(value for value in form.getlist("entity") if isinstance(value, str))
    filled = replace(request, form=fields, entities=entities)
    if not _is_ours(filled):
        raise _NOT_OURS
    if screen.hashes:
        return await request.services.hashing.run(lambda: screen.handle(filled))
    return await run_in_threadpool(screen.handle, filled)


def _signed_in_user(http: Request, services: Services) -> ConsoleUser | None:
    """Whose session the request carries, if any."""
    token = services.cookies.session(http)
    if not token:
        return None
    with services.database.writing() as tx:
        return session_user(tx, token)


def _is_ours(request: UserRequest) -> bool:
    if comes_from_elsewhere(request.http):
        return False
    cookies, given = request.services.cookies, request.form.get(FORM_FIELD, "")
    if cookies.form_token_fits(request.cookie(), given):
        return True
    # A sign-in form belongs to the visitor, even if another tab of the browser has signed in since.
    is_sign_in = request.http.url.path == "/sign-in"
    return is_sign_in and cookies.form_token_fits(cookies.visitor(request.http), given)


async def _form(request: Request) -> FormData:
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit() or int(length) > _MOST_BYTES:
        raise RefusedError(413, "That was too much", "A form of this console is never that big.")
    form = await request.form(max_files=0, max_fields=100)
    if any(isinstance(value, UploadFile) or len(value) > _LONGEST_FIELD for _, value in form.multi_items()):
        raise RefusedError(413, "That was too much", "A field of this form is longer than it may be.")
    return form


def _refusal(screen: Screen, request: UserRequest, verdict: Verdict) -> Response:
    match verdict:
        case Verdict.SIGN_IN if not screen.is_json:
            back = request.http.url.path if not screen.is_unsafe else "/"
            return see_other(f"/sign-in?next={quote(back)}")
        case Verdict.SIGN_IN:
            return JSONResponse({"error": "Sign in first."}, status_code=401)
        case Verdict.HIDDEN:
            return _told(screen, request, status=404, title="There is nothing here", text=_HIDDEN)
        case _:
            return _told(screen, request, status=403, title="You may not do this", text=_FORBIDDEN)


_HIDDEN = "The address is wrong, or it is of a company that you do not see."
_FORBIDDEN = "Your role does not include it. Ask an admin of the company, or Protiv support."


def _told(screen: Screen, request: UserRequest, *, status: int, title: str, text: str) -> Response:
    if screen.is_json:
        return JSONResponse({"error": text}, status_code=status)
    return request.page("told.html", status=status, title=title, text=text)
