"""Browsers that send half, nothing, or do not listen, on real sockets: each is closed in time, others are answered."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from console.limits import Timed, TimedProtocol

_WITHIN_S = 20


class Quick(TimedProtocol):
    """Waits half a second for a head, and holds four connections."""

    head_s = 0.5
    most = 4


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def slow(_request: Request) -> Response:
    await asyncio.sleep(1.5)
    return PlainTextResponse("late")


async def huge(_request: Request) -> Response:
    return PlainTextResponse("x" * 50_000_000)


@contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    config = uvicorn.Config(app, http=Quick, ws="none", port=0, log_config=None, lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(_WITHIN_S)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    routes = [Route("/", echo, methods=["GET", "POST"]), Route("/slow", slow), Route("/huge", huge)]
    with serving(Timed(Starlette(routes=routes), body_s=1.0, send_s=1.0)) as found:
        yield found


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=_WITHIN_S)


def heard(one: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    try:
        while part := one.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


def asks(port: int, path: str = "/") -> bytes:
    with connected(port) as one:
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return heard(one)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_connection_that_sends_half_a_request_is_closed(port: int, sent: bytes) -> None:
    with connected(port) as one:
        one.sendall(sent)
        assert heard(one) == b""


def dripping(one: socket.socket) -> None:
    until = time.monotonic() + _WITHIN_S
    while time.monotonic() < until:
        one.sendall(b"G")
        time.sleep(0.05)


def test_connection_that_sends_a_letter_now_and_then_is_closed_all_the_same(port: int) -> None:
    with connected(port) as one, pytest.raises((BrokenPipeError, ConnectionResetError)):
        dripping(one)


def test_connection_that_is_idle_behind_an_answer_is_closed(port: int) -> None:
    with connected(port) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT")
        assert heard(one).count(b"200 OK") == 1


def test_body_that_does_not_come_is_answered_with_408(port: int) -> None:
    with connected(port) as one:
        one.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert heard(one).startswith(b"HTTP/1.1 408")


def test_request_that_takes_longer_than_a_head_may_is_answered(port: int) -> None:
    assert b"late" in asks(port, "/slow")


def test_answer_that_nobody_takes_ends(port: int) -> None:
    with connected(port) as one:
        one.sendall(b"GET /huge HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(2.5)
        assert len(heard(one)) < 50_000_000


def test_half_sent_requests_beyond_all_places_keep_nobody_out(port: int) -> None:
    half = [connected(port) for _ in range(20)]
    for one in half:
        one.sendall(b"GET / HT")
    assert b"200 OK" in asks(port)
    for one in half:
        one.close()
