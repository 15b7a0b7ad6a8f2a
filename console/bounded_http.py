"""An HTTP transport for a server outside: answers of a bounded size, within a bounded time as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2

MOST_BYTES = 256 * 1024
WITHIN_S = 15.0


class BoundedTransport(httpx2.BaseTransport):
    """Carries requests on; an answer beyond the bounds is a ReadError, so that nobody waits or stores without end."""

    def __init__(
        self,
        carried_by: httpx2.BaseTransport | None = None,
        *,
        most_bytes: int = MOST_BYTES,
        within_s: float = WITHIN_S,
    ) -> None:
        self._carried_by = carried_by or httpx2.HTTPTransport(trust_env=False)
        self._most_bytes = most_bytes
        self._within_s = within_s

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, its body read; asked for without compression, so that its size is that on the wire."""
        until = time.monotonic() + self._within_s
        request.headers["Accept-Encoding"] = "identity"
        answer = self._carried_by.handle_request(request)
        try:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise httpx2.ReadError("The answer is compressed, which was not asked for.", request=request)
            body = b"".join(self._read(answer, request, until))
        finally:
            answer.close()
        return httpx2.Response(answer.status_code, headers=answer.headers, content=body, request=request)

    def close(self) -> None:
        self._carried_by.close()

    def _read(self, answer: httpx2.Response, request: httpx2.Request, until: float) -> Iterator[bytes]:
        assert isinstance(answer.stream, httpx2.SyncByteStream)
        size = 0
        for part in answer.stream:
            size += len(part)
            if size > self._most_bytes:
                raise httpx2.ReadError("The answer is too big.", request=request)
            if time.monotonic() > until:
                raise httpx2.ReadError("The answer takes too long.", request=request)
            yield part
