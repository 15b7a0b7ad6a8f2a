"""Ways in which a Postgres that is there does not take a batch; each trouble begins and ends with its block."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

Trouble = Callable[[str], AbstractContextManager[None]]


@contextmanager
def admin(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def database_of(database_url: str) -> sql.Identifier:
    return sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))


def cut_sessions(connection: psycopg.Connection[Any]) -> None:
    """End the sinks' sessions, so that the next ones begin under the trouble."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'protiv-sink'"
    )


@contextmanager
def read_only(database_url: str) -> Iterator[None]:
    """Every new transaction may only read, as on a standby."""
    setting = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(database_of(database_url))
    reset = sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(database_of(database_url))
    with admin(database_url) as connection:
        connection.execute(setting)
        cut_sessions(connection)
        try:
            yield
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(reset)
            cut_sessions(connection)


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """Somebody holds the table, as a migration does."""
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK protiv.time_entries IN ACCESS EXCLUSIVE MODE")
        yield
        holder.rollback()


@contextmanager
def full(database_url: str) -> Iterator[None]:
    """No room for a row: on a real volume that is full where this process may mount one, else Postgres says so."""
    with admin(database_url) as connection:
        if _is_here(connection) and _may_mount():
            with _small_volume() as volume:
                yield from _on(volume, connection)
        else:
            connection.execute(
                "CREATE FUNCTION protiv.full() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;"
                "CREATE TRIGGER full BEFORE INSERT ON protiv.time_entries EXECUTE FUNCTION protiv.full()"
            )
            try:
                yield
            finally:
                connection.execute("DROP FUNCTION protiv.full() CASCADE")


@contextmanager
def hanging(database_url: str) -> Iterator[None]:
    """The server's process for each sink stands still: it takes what it is sent and answers nothing."""
    with admin(database_url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'protiv-sink'"
        ).fetchall()
        (name,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    servers = [psutil.Process(pid) for (pid,) in found]
    # A server in a container has other process numbers: nobody else's process may be stopped.
    assert servers
    assert all(name in " ".join(each.cmdline()) for each in servers)
    for each in servers:
        each.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for each in servers:
            each.send_signal(signal.SIGCONT)


@contextmanager
def without_connections(database_url: str) -> Iterator[None]:
    """No role but a superuser gets one more session in this database (SQLSTATE 53300)."""
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    with admin(database_url) as connection:
        connection.execute(limit.format(database_of(database_url), sql.Literal(0)))
        cut_sessions(connection)
        try:
            yield
        finally:
            connection.execute(limit.format(database_of(database_url), sql.Literal(-1)))


@contextmanager
def plain_role(database_url: str) -> Iterator[str]:
    """The address of a role with a sink's rights and no more; it goes with the block."""
    role, password = f"sink_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    at = conninfo_to_dict(database_url)
    with admin(database_url) as connection:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN BYPASSRLS PASSWORD {}").format(name, sql.Literal(password)))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA protiv TO {}").format(name))
        tables = sql.SQL("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA protiv TO {}")
        connection.execute(tables.format(name))
        try:
            yield f"postgresql://{role}:{password}@{at['host']}:{at['port']}/{at['dbname']}"
        finally:
            cut_sessions(connection)
            connection.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))


def _on(volume: Path, connection: psycopg.Connection[Any]) -> Iterator[None]:
    name = sql.Identifier(f"small_{os.getpid()}")
    connection.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(name, sql.Literal(str(volume))))
    # A cluster with a tablespace on a volume that is gone does not survive its next checkpoint: it is dropped always.
    try:
        # Under one lock: the sink may still be at the topic's older records, which have no room there.
        with connection.transaction():
            connection.execute("TRUNCATE protiv.time_entries")
            connection.execute(sql.SQL("ALTER TABLE protiv.time_entries SET TABLESPACE {}").format(name))
        yield
    finally:
        connection.execute("ALTER TABLE protiv.time_entries SET TABLESPACE pg_default")
        connection.execute(sql.SQL("DROP TABLESPACE {}").format(name))


def _is_here(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server runs on this machine and we may do with its files what we like."""
    (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    return os.geteuid() == 0 and Path(folder).is_dir()


def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0


@contextmanager
def _small_volume() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="small-volume-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", str(folder)], check=True)
    owner = pwd.getpwnam("embedded_postgres")
    place = folder / "data"
    place.mkdir(mode=0o700)
    os.chown(place, owner.pw_uid, owner.pw_gid)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder)
