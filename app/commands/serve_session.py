"""One browser's dashboard: a process of its own, which ends when the browser leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
from collections.abc import Sequence
from typing import Any

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from asgml.app.launcher import worker_environment

MOST_CELLS = 500
"""Columns and rows that a browser may ask for at most."""
LONGEST_MESSAGE = 64 * 1024
END_SECONDS = 5.0
"""Time that a dashboard has to end by itself."""
HIDDEN = ("ASGML_SERVE_TOKEN",)
"""Variables that the dashboard's process does not get."""


class DashboardSession(AppService):
    """The process of a dashboard, and the pipe between it and a WebSocket."""

    def __init__(self, argv: Sequence[str], socket: web.WebSocketResponse) -> None:
        # textual-serve hands the command to a shell: quoted, nothing in it is a word of the
        # shell's; with `exec` the process is the dashboard itself
        super().__init__(
            "exec " + shlex.join(argv),
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=self._close,
            download_manager=DownloadManager(),
        )
        self._socket = socket

    async def talk(self, width: int, height: int) -> None:
        """Pass keys and screens on until the browser leaves or the dashboard ends."""
        await self.start(_cells(width), _cells(height))
        reading = asyncio.create_task(self._read_browser())
        running = self._task
        assert running is not None
        try:
            await asyncio.wait({reading, running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
            await self.end()

    async def end(self) -> None:
        """End the process: it is asked to, and after END_SECONDS killed."""
        try:
            await asyncio.wait_for(self.stop(), END_SECONDS)
        except (TimeoutError, OSError):
            pass
        finally:
            process = self._process
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        given = super()._build_environment(width, height)
        ours = worker_environment({**os.environ, **given})
        # what a browser's terminal can do, whatever terminal the server was started from
        able = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONUTF8": "1"}
        return {key: value for key, value in (ours | able).items() if key not in HIDDEN}

    async def _close(self) -> None:
        await self._socket.close()

    async def _read_browser(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                await self._take(message.data)

    async def _take(self, text: str) -> None:
        """Do what one message of the browser asks for; anything else is left alone."""
        try:
            kind, *rest = json.loads(text)
            data: Any = rest[0] if rest else None
        except (ValueError, TypeError, RecursionError):
            return
        if kind == "stdin" and isinstance(data, str):
            await self.send_bytes(data.encode("utf-8", "replace"))
        elif kind == "resize" and isinstance(data, dict):
            await self.set_terminal_size(_cells(data.get("width")), _cells(data.get("height")))
        elif kind == "ping":
            await self._socket.send_json(["pong", data])
        elif kind == "blur":
            await self.blur()
        elif kind == "focus":
            await self.focus()


def _cells(given: object) -> int:
    """Return a number of columns or rows that a screen may have."""
    try:
        return min(max(int(str(given)), 1), MOST_CELLS)
    except ValueError:
        return 80
