"""Dashboard, alerts and runbooks speak of metrics, labels, commands and pages that exist."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from schemas.faults import FAULTS, Fault
from tests.unit.project.metrics import known, own_metrics, series_of

ROOT = Path(__file__).parents[3]
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
INDEX = (ROOT / "docs" / "runbooks" / "README.md").read_text()
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/protiv-buildertrend.json").read_text())
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus-alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SHOWN = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [*SHOWN, *((rule["alert"], rule["expr"]) for rule in ALERTS)]


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS, ids=lambda value: str(value)[:40])
def test_expression_reads_series_and_labels_that_exist(name: str, expression: str) -> None:
    there_is = known()
    read = list(series_of(expression))
    assert read
    for series, labels in read:
        assert series in there_is, f"{name} reads {series}"
        assert labels <= there_is[series], f"{name} asks {series} for {labels}"


def test_expressions_that_name_what_is_not_there_are_noticed() -> None:
    assert ("no_such_metric", {"x"}) in list(series_of('max(rate(no_such_metric{x="1"}[5m]))'))
    assert list(series_of("min_over_time(max(inner)[10m:30s])")) == [("inner", set())]
    with pytest.raises(ValueError, match="unclosed"):
        list(series_of("sum(rate("))


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS, ids=lambda value: str(value)[:40])
def test_expression_groups_by_labels_that_exist(name: str, expression: str) -> None:
    labels = set().union(*(known()[series] for series, _ in series_of(expression)))
    for group in re.findall(r"\bby \(([^)]*)\)", expression):
        assert {part.strip() for part in group.split(",")} <= labels, name


def test_dashboard_shows_every_metric_there_is() -> None:
    shown = {series for _, expression in SHOWN for series, _ in series_of(expression)}
    missing = [one._name for one in own_metrics() if not any(name.startswith(one._name) for name in shown)]
    # What says nothing on a panel: null values without a version, which only a foreign producer could write.
    assert missing == ["protiv_sink_null_values_skipped"]


def test_dashboard_fits_grafanas_own_model_of_one() -> None:
    """Read by Grafana's model and written again, nothing of the file is lost or different."""
    again = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(DASHBOARD)))
    assert lost(DASHBOARD, again) == []


def lost(given: Any, kept: Any, path: str = "") -> list[str]:
    """Paths of what the model did not keep; fields that are null mean nothing."""
    if isinstance(given, dict):
        if not isinstance(kept, dict):
            return [path]
        return [
            each
            for name, value in given.items()
            if value is not None
            for each in (lost(value, kept[name], f"{path}.{name}") if name in kept else [f"{path}.{name}"])
        ]
    if isinstance(given, list):
        if not isinstance(kept, list) or len(given) != len(kept):
            return [path]
        return [
            each
            for n, (ours, theirs) in enumerate(zip(given, kept, strict=True))
            for each in lost(ours, theirs, f"{path}[{n}]")
        ]
    return [] if given == kept else [path]


def test_dashboard_panels_have_ids_titles_and_places_of_their_own() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["title"] and panel["description"] for panel in PANELS)
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_has_a_severity_a_sentence_and_a_runbook_that_is_there(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")
    assert (ROOT / rule["annotations"]["runbook"]).is_file()
    assert rule["annotations"]["runbook"].startswith("docs/runbooks/")
    assert re.search(rf"^\| .*\b{rule['alert']}\b.*{Path(rule['annotations']['runbook']).name}", INDEX, re.MULTILINE)


def test_alert_thresholds_compare_with_something() -> None:
    compared = [isinstance(promql_parser.parse(rule["expr"]), promql_parser.BinaryExpr) for rule in ALERTS]
    assert [rule["alert"] for rule, is_one in zip(ALERTS, compared, strict=True) if not is_one] == [
        "NoPoller",
        "NoStreams",
        "NoSink",
        "NoConsole",
    ]


def test_every_service_is_scraped_and_missed_when_none_of_it_is_found() -> None:
    scraped = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"][0]
    names = scraped["dns_sd_configs"][0]["names"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(names) == {name for name, one in services.items() if "METRICS_PORT" in one.get("environment", {})}
    assert {"poller", "streams", "sink", "console"} <= set(names)
    missed = {rule["alert"]: next(iter(series_of(rule["expr"])))[0] for rule in ALERTS if "absent(" in rule["expr"]}
    assert set(missed) == {f"No{name.capitalize()}" for name in names}
    for alert, series in missed.items():
        assert alert.removeprefix("No").lower() in series
        # One with labels is absent until its first event.
        assert known()[series] <= {"job", "instance", "service"}


def test_no_alert_adds_up_series_of_different_processes() -> None:
    """Where one of them reports nothing the whole sum is nothing, and the alert is silent."""
    for rule in ALERTS:
        parts = re.split(r"\s[+]\s", rule["expr"])
        owners = {re.sub(r"^protiv_", "", series).partition("_")[0] for part in parts for series, _ in series_of(part)}
        assert len(parts) == 1 or len(owners) == 1, rule["alert"]


def test_every_runbook_is_in_the_index_and_every_fault_has_one() -> None:
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", INDEX))
    assert listed == {page.name for page in RUNBOOKS} - {"README.md"}
    assert {f"fault-{fault}.md" for fault in FAULTS} <= listed


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: str(fault.name))
def test_runbook_of_a_fault_states_what_the_table_of_faults_states(fault: Fault) -> None:
    who = f"{fault.who[0].upper()}{fault.who[1:]}"
    text = (ROOT / fault.runbook).read_text()
    assert text.startswith(f"# {fault.name}\n")
    assert f"\n**Who acts.** {who}. {fault.next_step} {fault.poller_next}\n" in text


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_runbook_has_its_parts_and_commands(page: Path) -> None:
    text = page.read_text()
    commands = commands_in(text)
    assert commands
    assert all(words[0] == "protiv-buildertrend" for words in commands)
    if page.name != "README.md":
        assert re.findall(r"^\*\*(Means|See|Do|Over when)\b", text, re.MULTILINE) == ["Means", "See", "Do", "Over when"]


def commands_in(text: str) -> list[list[str]]:
    """The words of every line in the shell blocks of a page."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]
