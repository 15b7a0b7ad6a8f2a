"""The in-process transport: what httpx makes of answers, breaks and time-outs of an application without a socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.connection import Break, connection_of
from sandbox.in_process import InProcessTransport

START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def app_of(body: Callable[[Scope, Send], Awaitable[None]]) -> ASGIApp:
    """An application that reads the request, starts an answer, and leaves the rest to `body`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        await body(scope, send)

    return app


async def send_part(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


def client_of(app: ASGIApp, *, waited: list[float] | None = None, timeout: float | None = None) -> httpx.Client:
    transport = InProcessTransport(app, pause=([] if waited is None else waited).append)
    return httpx.Client(transport=transport, base_url="http://source.test", timeout=timeout)


def test_request_reaches_the_application_whole() -> None:
    seen: list[tuple[object, ...]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        seen.append((scope["method"], scope["path"], scope["query_string"], dict(scope["headers"])[b"x-one"], body))
        assert (await receive())["type"] == "http.disconnect"
        await send(START)
        await send_part(send, b"", more=False)

    with client_of(app) as client:
        client.post("/a%20b?c=1", content=b"text", headers={"X-One": "1"})
    assert seen == [("POST", "/a b", b"c=1", b"1", b"text")]


def test_application_runs_only_as_far_as_the_answer_is_read() -> None:
    made: list[int] = []

    async def endless(_: Scope, send: Send) -> None:
        for number in range(1_000_000):
            made.append(number)
            await send_part(send, b"x")

    with client_of(app_of(endless)) as client, client.stream("GET", "/") as answer:
        chunks = answer.iter_raw()
        assert [next(chunks), next(chunks)] == [b"x", b"x"]
    assert made == [0, 1]


def test_leaving_an_answer_ends_its_application() -> None:
    ended: list[bool] = []

    async def body(_: Scope, send: Send) -> None:
        try:
            await send_part(send, b"x")
        finally:
            ended.append(True)

    with client_of(app_of(body)) as client, client.stream("GET", "/") as answer:
        next(answer.iter_raw())
        assert ended == []
    assert ended == [True]


@pytest.mark.parametrize(("how", "error"), [("reset", httpx.ReadError), ("close", httpx.RemoteProtocolError)])
def test_cut_answer_is_the_error_of_a_real_connection(how: Break, error: type[Exception]) -> None:
    ended: list[bool] = []

    async def body(scope: Scope, send: Send) -> None:
        await send_part(send, b"half")
        try:
            await connection_of(scope).cut(how)
        finally:
            ended.append(True)

    with client_of(app_of(body)) as client, client.stream("GET", "/") as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == b"half"
        with pytest.raises(error):
            next(chunks)
    assert ended == [True]


def test_cut_before_the_answer_fails_the_request_and_ends_the_application_at_once() -> None:
    ended: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await connection_of(scope).cut("reset")
        finally:
            ended.append(True)

    with client_of(app) as client:
        with pytest.raises(httpx.ReadError) as raised:
            client.get("/")
        # While the error is held, so is all that it came from: nothing but the transport has ended it.
        assert ended == [True]
        assert raised.value.request.url.path == "/"


def test_silence_up_to_the_read_timeout_is_waited_for_and_beyond_it_fails() -> None:
    async def body(scope: Scope, send: Send) -> None:
        for silence_s in (3.0, 2.0, 2.5):
            await send_part(send, b"x")
            await connection_of(scope).sleep(silence_s)
            await connection_of(scope).sleep(silence_s)

    waited: list[float] = []
    with client_of(app_of(body), waited=waited, timeout=6) as client:
        client.get("/")
        assert waited == [3.0, 3.0, 2.0, 2.0, 2.5, 2.5]
    waited.clear()
    with client_of(app_of(body), waited=waited, timeout=5) as client, pytest.raises(httpx.ReadTimeout):
        client.get("/")
    assert waited == [3.0, 2.0]


def test_error_of_the_application_is_raised_to_the_caller() -> None:
    async def body(_: Scope, send: Send) -> None:
        raise KeyError("here")

    with client_of(app_of(body)) as client, pytest.raises(KeyError):
        client.get("/")


def test_application_without_an_answer_is_an_error() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    with client_of(app) as client, pytest.raises(RuntimeError, match="without an answer"):
        client.get("/")


def test_time_of_day_and_hook_are_the_callers() -> None:
    noon = datetime(2026, 6, 17, 12, tzinfo=UTC)
    seen: list[object] = []

    async def body(scope: Scope, send: Send) -> None:
        seen.append(connection_of(scope).now())

    transport = InProcessTransport(
        app_of(body), now=lambda: noon, before_request=lambda request: seen.append(request.url.path)
    )
    with httpx.Client(transport=transport) as client:
        client.get("http://source.test/x")
    assert seen == ["/x", noon]
