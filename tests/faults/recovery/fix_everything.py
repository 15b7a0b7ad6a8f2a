"""A connected company with poller, streams and sink as processes, on brokers and a database that may be lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from core.settings import reveal
from tests.fix_own_stack import OwnStack
from tests.fix_stack import Stack, create_database, drop_database
from tests.integration.producers.fix_site import Site
from tests.integration.producers.fix_topics import eventually

SERVICES = ("poller", "streams", "sink")
_ENDS_S = 60


@pytest.fixture
def stack(own_stack: OwnStack) -> Stack:
    """Of the test's own: what it loses is nobody else's."""
    return own_stack.stack


@dataclass(slots=True)
class Everything:
    """The site's company and the processes that bring its records into the tables."""

    site: Site
    own: OwnStack
    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start processes; all three if none is named."""
        for name in names or SERVICES:
            with (self.logs / f"process-{name}.log").open("ab") as log:
                command = [sys.executable, "-m", "cli", name]
                self.running[name] = subprocess.Popen(command, env=self._environment(), stderr=log)

    def stop(self) -> None:
        """Ask all that run to end, and wait for it."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(_ENDS_S)
        self.running.clear()

    def ended(self, name: str) -> tuple[int, str]:
        """Start a process that is to end by itself; its exit code and its log."""
        with (self.logs / f"process-{name}.log").open("ab") as log:
            done = subprocess.run(
                [sys.executable, "-m", "cli", name], env=self._environment(), stderr=log, timeout=_ENDS_S, check=False
            )
        return done.returncode, self.log(name)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, timeout=120, check=False
        )

    def log(self, name: str) -> str:
        return (self.logs / f"process-{name}.log").read_text()

    def sync(self) -> None:
        """Ask for a read, and wait until it is complete."""
        done = self.cli("sync", self.site.company_id, "--wait", "--json")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.log('poller')[-2000:]}"

    def until_tables_equal_source(self) -> None:
        try:
            eventually(lambda: self.in_tables() == self.in_source(), what="equal tables")
        except AssertionError:
            logs = "\n".join(self.log(name)[-1500:] for name in SERVICES)
            pytest.fail(f"The tables are not what the source is: {self._difference()}\n{logs}")

    def in_source(self) -> dict[str, tuple[Any, ...]]:
        """Of each shift that Buildertrend shows, what decides its hours, and its notes."""
        listed = self.site.sandbox.listed("shifts", limit=1000)
        return {
            str(one["id"]): (one["regular_minutes"], one["overtime_minutes"], str(one["job_id"]), one["notes"] or None)
            for one in listed
        }

    def in_tables(self) -> dict[str, tuple[Any, ...]]:
        """The same of each row that is not deleted."""
        query = (
            b"SELECT time_entry_id, regular_minutes, overtime_minutes, job_id, notes FROM protiv.current_time_entries"
        )
        return {row[0]: row[1:] for row in self.rows(query)}

    def rows(self, query: bytes) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._database_url()) as connection:
            return connection.execute(query).fetchall()

    def keep_backup(self) -> None:
        """A copy of the whole database as it is; nothing of the product may run."""
        self.site.database.close()
        create_database(self._server_url(), "backup", template=self._database())

    def restore_backup(self) -> None:
        """The database as it was; nothing of the product may run."""
        drop_database(self._server_url(), self._database())
        create_database(self._server_url(), self._database(), template="backup")

    def _difference(self) -> str:
        try:
            there, shown = self.in_tables(), self.in_source()
        except psycopg.Error as exc:
            return str(exc)
        wrong = sorted(each for each in there.keys() | shown.keys() if there.get(each) != shown.get(each))
        return json.dumps({each: [there.get(each), shown.get(each)] for each in wrong[:5]}, default=str)

    def _database(self) -> str:
        return str(conninfo_to_dict(self._database_url())["dbname"])

    def _database_url(self) -> str:
        return self.site.settings.database_url.get_secret_value()

    def _server_url(self) -> str:
        return self.own.stack.settings.database_url.get_secret_value()

    def _environment(self) -> dict[str, str]:
        settings = self.site.settings
        names = [name for name in type(settings).model_fields if reveal(getattr(settings, name)) != ""]
        return {
            **os.environ,
            **{name.upper(): str(reveal(getattr(settings, name))) for name in names},
            "METRICS_PORT": "0",
        }


@pytest.fixture
def everything(site: Site, own_stack: OwnStack, tmp_path: Path) -> Iterator[Everything]:
    """Connected, read once, and in the tables."""
    made = Everything(site, own_stack, tmp_path)
    site.connect()
    made.start()
    try:
        made.sync()
        made.until_tables_equal_source()
        yield made
    finally:
        made.stop()
