"""What the demo shows: what is in Protiv's tables, and what to try next."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.local import LocalAddresses
from cli.tables import Contents, Row, hours
from cli.user import DemoUser
from core.settings_files import RUNNING
from core.terminal import styled
from core.visible import visible
from schemas.entities import ENTITIES


def show_contents(found: Contents, seconds: float, console: Console) -> None:
    """Tables for people: rows and hours, links, entries, budget against work."""
    console.print()
    console.print(styled(f"In Protiv's database after {seconds:.0f} s", "bold"))
    tables = (_rows_table(found), _links_table(found.links), _entries_table(found.entries), _labor_table(found.labor))
    for table in tables:
        console.print(table)
        console.print()


def show_next_steps(
    addresses: LocalAddresses, company_id: str, settings_file: Path, user: DemoUser, console: Console
) -> None:
    """Things to do while it runs."""
    if settings_file != RUNNING.resolve():
        console.print(f"For the commands below, first: set -a; . {settings_file}; set +a")
    console.print(styled("The console", "bold"), addresses.console)
    console.print(f"  Sign in as            {user.email} with the password {user.password}\n")
    console.print(styled("Try next", "bold"), "(in another terminal, in this folder)")
    console.print(
        f"""\
  Change something      open {addresses.sandbox} and add, edit or delete a shift, or rename a job
  Bring it over         .venv/bin/protiv-buildertrend sync {company_id} --wait
  Watch it arrive       .venv/bin/protiv-buildertrend topics tail protiv.time-entries --last 0 --follow
  How is it going       .venv/bin/protiv-buildertrend status, or the console above
  Ask the tables        SELECT * FROM protiv.job_labor in {addresses.database}
  As Buildertrend said  .venv/bin/protiv-buildertrend topics tail buildertrend.time-entries --last 1

Everything stays up until Ctrl-C; the data stays for the next time."""
    )


def _rows_table(found: Contents) -> Table:
    table = _table("", "Rows", "Hours")
    for entity in ENTITIES:
        worked = hours(found.counts["minutes"]) if entity.worked_minutes else ""
        table.add_row(entity.plural.capitalize(), f"{found.counts[entity.table]:,}", worked)
    return table


def _links_table(links: list[Row]) -> Table:
    table = _table("Time entries are", "Entries", "Hours")
    for row in links:
        table.add_row(row["link_status"], f"{row['entries']:,}", hours(row["minutes"]))
    return table


def _entries_table(entries: list[Row]) -> Table:
    table = _table("Newest, linked", "Worker", "Job", "Cost code", "Hours", "Labor", text_columns=4)
    for row in entries:
        cells = (str(row["work_date"]), row["user_name"], row["job_name"], row["cost_code_title"])
        table.add_row(
            *(visible(cell or "") for cell in cells), hours(row["total_minutes"]), _dollars(row["labor_cost"])
        )
    return table


def _labor_table(labor: list[Row]) -> Table:
    table = _table("Budget against work", "Budgeted", "Worked", "Left", "Budget", "Labor so far")
    for row in labor:
        left = row["budgeted_hours"] - row["actual_hours"]
        table.add_row(
            visible(row["job_name"] or ""),
            f"{row['budgeted_hours']:,.1f} h",
            f"{row['actual_hours']:,.1f} h",
            styled(f"{-left:,.1f} h over", "red") if left < 0 else f"{left:,.1f} h",
            _dollars(row["budgeted_dollars"]),
            _dollars(row["actual_dollars"]),
        )
    return table


def _table(title: str, *columns: str, text_columns: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for number, name in enumerate((title, *columns)):
        table.add_column(name, justify="left" if number < text_columns else "right", overflow="fold")
    return table


def _dollars(amount: object) -> str:
    return "" if amount is None else f"${amount:,.2f}"
