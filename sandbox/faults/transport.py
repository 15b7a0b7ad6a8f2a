"""Faults while an answer is sent: cut off, spoilt, too slow, endless; a break is a break of the real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.connection import Break, Connection, connection_of
from sandbox.faults.visit import Inner, Visit
from sandbox.rules import SpoilNext

Parts = Callable[[Connection], AsyncIterator[bytes]]

_DRIP_BYTES_PER_S = 16
_ENDLESS_CHUNK = 64 * 1024
_ENDLESS_START = b'{"success":true,"message":null,"needsToRelogin":false,"data":{"data":['
_HTML = "<!DOCTYPE html><html><head><title>We'll be right back</title></head><body>We'll be right back</body></html>"


class SpoiltAnswers:
    """The next answers of a path are spoilt."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        for rule in visit.company.switches.spoil_next:
            if rule.matches(visit.target):
                rule.use()
                return _spoilt(await inner(), rule)
        return await inner()


class StreamedAnswer(Response):
    """Status and headers of `answer`, with a body made of parts while it is sent; without any part nothing is sent."""

    def __init__(self, answer: Response, parts: Parts) -> None:
        super().__init__(answer.body, answer.status_code, dict(answer.headers))
        if "content-length" not in answer.headers:
            del self.headers["content-length"]
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive  # The request has been read, and the connection tells when a client disconnects.
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        connection = connection_of(scope)
        async for part in self._parts(connection):
            if connection.is_gone():
                return
            if start:
                await send(start)
                start = {}
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if not connection.is_gone():
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _spoilt(answer: Response, rule: SpoilNext) -> Response:
    body = bytes(answer.body)
    part = body[: len(body) // 2 if rule.after_bytes is None else rule.after_bytes]
    match rule.how:
        case "html":
            return HTMLResponse(_HTML)
        case "truncated" | "empty" | "invalid-utf8":
            left = {"truncated": part, "empty": b"", "invalid-utf8": body[:2] + b"\xc3\x28" + body[2:]}[rule.how]
            return Response(left, answer.status_code, media_type=answer.headers.get("content-type"))
        case "drip":
            return StreamedAnswer(answer, _drip(body, rule.bytes_per_s or _DRIP_BYTES_PER_S))
        case "endless":
            unannounced = Response(media_type="application/json")
            del unannounced.headers["content-length"]
            return StreamedAnswer(unannounced, _endless(rule.bytes_per_s))
        case "reset" | "close":
            return StreamedAnswer(answer, _broken(part, rule.how))


def _drip(body: bytes, bytes_per_s: int) -> Parts:
    """The whole body in about ten pieces a second."""
    size = max(1, bytes_per_s // 10)

    async def parts(connection: Connection) -> AsyncIterator[bytes]:
        for begin in range(0, len(body) or 1, size):
            await connection.sleep(size / bytes_per_s)
            yield body[begin : begin + size]

    return parts


def _endless(bytes_per_s: int | None) -> Parts:
    """JSON that begins well-formed and goes on until the client disconnects."""
    size = min(_ENDLESS_CHUNK, bytes_per_s or _ENDLESS_CHUNK)
    pause_s = 0 if bytes_per_s is None else size / bytes_per_s

    async def parts(connection: Connection) -> AsyncIterator[bytes]:
        yield _ENDLESS_START
        while True:
            await connection.sleep(pause_s)
            yield b" " * size

    return parts


def _broken(part: bytes, how: Break) -> Parts:
    """The part of the announced body, if any, and then the connection breaks."""

    async def parts(connection: Connection) -> AsyncIterator[bytes]:
        if part:
            yield part
        await connection.cut(how)

    return parts
