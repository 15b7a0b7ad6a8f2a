"""What a company's own text can do to the commands that show it: nothing, and not to other companies' lines either."""

from __future__ import annotations

import io
from collections import Counter

import pytest

from cli import status
from cli.run_display import show_run
from core.terminal import Terminal
from core.visible import visible
from reports.company_status import company_status
from reports.lag import Lag
from tests.unit.core.test_visible import HOSTILE
from tests.unit.reports.factories import NOW, facts

NOTHING_WAITS = Lag(0, exact=True, oldest_at=None, partitions={})


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("in_full", [False, True])
def test_status_of_a_company_with_hostile_text_shows_it_and_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, in_full: bool
) -> None:
    paused = facts(company_id=f"a{text}", state="paused", paused_by="cli:me", paused_reason=text)
    found = [
        company_status(one, now=NOW, poll_interval_s=7200, full_sync_interval_s=86_400)
        for one in (paused, facts(company_id="other-company"))
    ]
    shown = status.Shown(found, NOTHING_WAITS, NOTHING_WAITS, Counter(), text)
    out = io.StringIO()
    status._show(shown, Terminal(file=out, width=300, force_terminal=True), in_full=in_full)
    assert f"a{visible(text)}" in out.getvalue()
    assert "other-company" in out.getvalue()
    assert "\x1b]" not in out.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_show_run_of_an_event_with_hostile_text_shows_it(text: str) -> None:
    out = io.StringIO()
    event = {"type": "held", "entity": text, "message": text, "counts": None}
    show_run([event], Terminal(file=out, width=300, force_terminal=True))
    assert visible(text) in out.getvalue()
    assert "\x1b]" not in out.getvalue()


def test_status_of_a_company_id_of_several_lines_looks_like_no_second_company() -> None:
    found = [
        company_status(
            facts(company_id="acme\nother   on time"), now=NOW, poll_interval_s=7200, full_sync_interval_s=86_400
        )
    ]
    out = io.StringIO()
    shown = status.Shown(found, NOTHING_WAITS, NOTHING_WAITS, Counter(), "")
    status._show(shown, Terminal(file=out, width=300), in_full=False)
    assert not [line for line in out.getvalue().splitlines() if line.startswith("other")]
