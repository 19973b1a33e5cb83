"""`asgml serve`: the dashboard in a browser, for those who have the token."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from asgml.app.commands.serve_guard import Guard, is_loopback, make_guard
from asgml.app.commands.watch import folder_meant
from asgml.app.errors import OK, RunFailedError, narrate
from asgml.app.launcher import python_command
from asgml.app.lookup import find
from asgml.app.output import plain_output
from asgml.app.preferences import runs_directory

if TYPE_CHECKING:
    from aiohttp.web import TCPSite


@dataclass(frozen=True)
class ServeOptions:
    """Where to listen, who may come in, and what they may do."""

    host: str = "127.0.0.1"
    port: int = 8765
    steer: bool = False
    token: str | None = None
    sessions: int = 4
    ascii: bool = False


def serve(ref: str, runs: Path | None, given: ServeOptions) -> int:
    """Serve the dashboard of a run or a folder until interrupted. stdout is the address."""
    _refuse_without_library()
    guard = make_guard(given.host, given.token)
    target = folder_meant(ref, runs_directory(runs)) or find(ref, runs).root.resolve()
    _warn(given)
    out = sys.stdout
    with contextlib.redirect_stdout(_Narration()):  # textual-serve prints what dashboards say
        asyncio.run(_serve(target, guard, given, out))
    return OK


def dashboard_argv(target: Path, given: ServeOptions) -> list[str]:
    """Return the command of the dashboard that a browser shows."""
    options = [] if given.steer else ["--readonly"]
    options += ["--ascii"] if given.ascii or plain_output() else []
    return [*python_command("asgml"), "watch", *options, "--", str(target)]


async def _serve(target: Path, guard: Guard, given: ServeOptions, out: TextIO) -> None:
    from aiohttp import web

    from asgml.app.commands.serve_site import Site

    site = Site(dashboard_argv(target, given), target.name, guard, given.sessions)
    told = _when_told()
    runner = web.AppRunner(site.application(), access_log=None, shutdown_timeout=10.0)
    await runner.setup()
    try:
        await _listen(web.TCPSite(runner, given.host, given.port), given)
        port = runner.addresses[0][1]
        print(address(given.host, port, guard.token), file=out, flush=True)
        narrate(f"{target.name}: open that address; ctrl-c ends this, and no training by it")
        await told.wait()
    finally:
        await runner.cleanup()


async def _listen(site: TCPSite, given: ServeOptions) -> None:
    """Begin to listen. Raise RunFailedError where the port is taken or may not be had."""
    try:
        await site.start()
    except OSError as error:
        what = f"--host {given.host} --port {given.port}"
        if error.errno == errno.EADDRINUSE:
            raise RunFailedError(f"{what}: in use; choose another, or --port 0") from None
        raise RunFailedError(f"{what}: {error.strerror or error}; choose another") from None


def _when_told() -> asyncio.Event:
    """Return what is set once the user or the system ends the program."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


def address(host: str, port: int, token: str) -> str:
    """Return the address to open: with the token, which the first visit turns into a cookie."""
    from urllib.parse import quote

    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/?token={quote(token, safe='')}"


def _refuse_without_library() -> None:
    """Raise RunFailedError where the extra is not installed."""
    try:
        import aiohttp  # noqa: F401
        import textual_serve  # noqa: F401
    except ImportError:
        raise RunFailedError(
            "asgml serve needs textual-serve, which is not installed; `pip install 'asgml[serve]'`"
        ) from None


def _warn(given: ServeOptions) -> None:
    if not is_loopback(given.host):
        narrate(
            f"warning: --host {given.host} lets other computers in, over plain HTTP: who sees the "
            "traffic sees the token; `ssh -L` to a server at 127.0.0.1 is safer"
        )
    if given.steer:
        narrate("warning: --steer lets whoever has the address change the training")


class _Narration(io.TextIOBase):
    """A stdout whose text is narration: what a dashboard said to its own stderr."""

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if line.strip():
                narrate(line)
        return len(text)
