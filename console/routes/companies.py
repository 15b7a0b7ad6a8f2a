"""Where a user begins: their own company, or the list of all."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from console.access import sees_all
from console.reading.company import CompanyLine, read_companies
from console.user_request import RefusedError, UserRequest, see_other
from console.views.card import STATES
from schemas.faults import NO_PERMISSION, fault_of

COMPANIES_A_PAGE = 25
_MOST_PAGES = 100_000


def home(request: UserRequest) -> Response:
    """The first page after signing in."""
    if sees_all(request.me):
        return see_other("/companies")
    return see_other(f"/c/{quote(request.me.company_id or '', safe='')}")


def all_companies(request: UserRequest) -> Response:
    """Every company, those that need attention first."""
    find = request.asked("find")
    page = max(1, request.number("page", default=1, most=_MOST_PAGES))
    with request.services.database.reading() as tx:
        found = read_companies(tx, find=find, limit=COMPANIES_A_PAGE, offset=(page - 1) * COMPANIES_A_PAGE)
    pages = max(1, -(-found.found // COMPANIES_A_PAGE))
    lines = [(line, *_look(line)) for line in found.lines]
    return request.page("companies.html", found=found, lines=lines, find=find, page_number=page, pages=pages)


def open_company(request: UserRequest) -> Response:
    """Go to a company by its id, also to one that is not connected yet."""
    company_id = request.asked("company", longest=200)
    if not company_id or "/" in company_id or company_id == "*":
        raise RefusedError(422, "This is not a company id", "Enter Protiv's id of one company; it holds no slash.")
    return see_other(f"/c/{quote(company_id, safe='')}")


def state_of_line(line: CompanyLine) -> str:
    """As on the company's own page."""
    is_syncing = line.state == "connected" and line.leased and line.run_state == "running"
    if is_syncing:
        return "syncing"
    return "needs-attention" if line.state == "connected" and line.fault == NO_PERMISSION.name else line.state


def _look(line: CompanyLine) -> tuple[tuple[str, str, str], str]:
    why = fault_of(line.fault).heading if line.fault else ""
    if line.held:
        why = f"{line.held:,} deletions are held"
    return STATES[state_of_line(line)], why
