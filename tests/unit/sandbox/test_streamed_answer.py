"""An answer that is made while it is sent: it stops when the client disconnects, with the headers of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Message

from sandbox.connection import Connection, PlainConnection, with_connection
from sandbox.faults.transport import StreamedAnswer


class LeavingClient(PlainConnection):
    """Disconnects after so many messages."""

    def __init__(self, stays_for: int) -> None:
        self.sent: list[Message] = []
        self._stays_for = stays_for

    def is_gone(self) -> bool:
        return len(self.sent) >= self._stays_for

    async def send(self, message: Message) -> None:
        self.sent.append(message)


def answered(answer: Response, client: LeavingClient) -> list[Message]:
    async def receive() -> Message:
        raise AssertionError("The request has been read.")

    asyncio.run(answer(with_connection({"type": "http"}, client), receive, client.send))
    return client.sent


async def too_long(_: Connection) -> AsyncIterator[bytes]:
    for _part in range(100):
        yield b"x"
    raise AssertionError("Nobody reads this any more.")


async def two_parts(_: Connection) -> AsyncIterator[bytes]:
    yield b"ab"
    yield b"cd"


def test_endless_answer_stops_when_the_client_has_left() -> None:
    sent = answered(StreamedAnswer(Response(), too_long), LeavingClient(5))
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 4]


def test_answer_with_an_end_is_announced_by_its_length_and_ended() -> None:
    sent = answered(StreamedAnswer(Response("abcd", 201), two_parts), LeavingClient(99))
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"content-length"]) == (201, b"4")
    assert [message["body"] for message in sent[1:]] == [b"ab", b"cd", b""]
    assert [message["more_body"] for message in sent[1:]] == [True, True, False]


def test_connection_that_breaks_before_the_first_part_announces_nothing() -> None:
    async def broken(connection: Connection) -> AsyncIterator[bytes]:
        client.leave()
        return
        yield b""

    class Leaving(LeavingClient):
        def leave(self) -> None:
            self._stays_for = 0

    client = Leaving(99)
    assert answered(StreamedAnswer(Response("abcd"), broken), client) == []
