"""A call in a thread of its own, for what may hang: whoever asked never has to wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future


def in_background(call: Callable[[], None]) -> Future[None]:
    """Start a call and return its future. A program ends without waiting for the call."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - it belongs to whoever reads the future
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    return future
