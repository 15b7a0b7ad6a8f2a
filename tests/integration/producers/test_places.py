"""Where a worker stood is nobody's business: coordinates of every place in the wire reach no topic, table or log."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest

from sandbox.client import SandboxControl
from tests.fix_source import InProcessSource
from tests.integration.producers.fix_runs import Desk, DeskMaker

LATITUDE, LONGITUDE = "39.8317204471", "-75.2260913382"
POINT = {"latitude": float(LATITUDE), "longitude": float(LONGITUDE)}
CANARIES = ("39.83172", "75.22609")
# On every row of every list, beside what the time clock's rows have.
EVERYWHERE: dict[str, Any] = {
    "location": POINT,
    "locationInfo": {"in": POINT, "address": [POINT]},
    "outOfBounds": {"point": POINT},
    "latitude": POINT["latitude"],
    "Longitude": POINT["longitude"],
    "clockInLocation": POINT,
    "startLatitude": POINT["latitude"],
    "device": {"kind": "phone", "trail": [{"gps": POINT}, [{"location": POINT}]], "lat": POINT["latitude"]},
    "map": json.dumps({"pin": POINT}),
}
NESTED = ("timeIn", "timeOut", "date", "breakTime", "approvalStatus", "builderCost", "createdBy")


def planted(node: Any, depth: int = 0) -> Any:
    """An answer with places planted into every object that has an id, and into the parts of shifts."""
    if isinstance(node, list):
        return [planted(one, depth + 1) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: planted(value, depth + 1) for key, value in node.items()}
    if {"id", "jobId", "jobID", "userId", "costCodeId", "costCodeTitle"} & node.keys() and depth > 1:
        found |= EVERYWHERE
    for name in NESTED:
        if isinstance(found.get(name), dict):
            found[name] = {**found[name], **EVERYWHERE}
    if isinstance(found.get("tags"), list):
        found["tags"] = [*found["tags"], {"name": "north gate", **EVERYWHERE}]
    return found


class PlantingSource(httpx.BaseTransport):
    """The simulated source, with places in all that it answers. Every seventh shift is one that cannot be read."""

    def __init__(self, inner: InProcessSource) -> None:
        self._inner = inner
        self.planted = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        if "json" not in answer.headers.get("content-type", "") or request.url.path.startswith("/api/Login"):
            return answer
        found = planted(answer.json())
        if request.url.path == "/api/TimeClock/Grid":
            for row in found["data"]["data"]:
                if row["id"] % 7 == 0:
                    row["regularTime"] = {"hours": "unreadable", **EVERYWHERE}
        text = json.dumps(found).encode()
        self.planted += text.count(CANARIES[0].encode())
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() != "content-length"]
        return httpx.Response(answer.status_code, headers=headers, content=text)


def test_places_reach_no_topic_no_dead_letter_no_table_and_no_log(
    new_desk: DeskMaker,
    sandbox_company: SandboxControl,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = new_desk(sandbox_company)
    source = PlantingSource(desk.source)
    desk.connect()
    desk.transport = source
    desk.run()
    desk.run_full()
    assert source.planted > 1_000
    topics = {message.topic for message in desk.publisher.messages}
    assert {"buildertrend.time-entries", "buildertrend.jobs", "integration.dead-letters"} <= topics
    for message in desk.publisher.messages:
        held = b" ".join([message.key, message.value or b"", *(value or b"" for _, value in message.headers)])
        assert not any(one.encode() in held for one in CANARIES), message.topic
    assert not any(one in str(event) for one in CANARIES for event in desk.events.written)
    assert holding_tables(desk) == []
    logged = capfd.readouterr()
    assert not any(one in logged.out + logged.err + caplog.text for one in CANARIES)


def holding_tables(desk: Desk) -> list[str]:
    """Tables of the database in which a row holds a coordinate."""
    found = []
    with psycopg.connect(desk.settings.database_url.get_secret_value()) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_schema IN ('integration', 'protiv') AND table_type = 'BASE TABLE'"
        ).fetchall()
        for schema, table in names:
            statement = f'SELECT count(*) FROM {schema}."{table}" AS t WHERE t::text LIKE ANY(%s)'
            row = connection.execute(statement.encode(), [[f"%{one}%" for one in CANARIES]]).fetchone()
            if row is not None and row[0]:
                found.append(table)
    assert len(names) > 15
    return found
