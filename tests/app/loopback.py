"""A server on this computer that keeps what is posted to it, and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Posted:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Loopback:
    """The requests so far; `codes` are answered in order, 200 after them."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.codes: list[int] = []
        self.location = ""
        self._arrived = threading.Condition()
        self.port = 0

    def url(self, path: str = "/topic") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def take(self, one: Posted) -> int:
        with self._arrived:
            self.posted.append(one)
            self._arrived.notify_all()
            return self.codes.pop(0) if self.codes else 200

    def wait_for(self, count: int, seconds: float = 60) -> list[Posted]:
        """The requests, once there are so many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.posted) >= count, seconds), self.posted
            return list(self.posted)


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Serve while the block runs."""
    kept = Loopback()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code = kept.take(Posted(self.path, dict(self.headers.items()), body))
            self.send_response(code)
            if kept.location:
                self.send_header("Location", kept.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
