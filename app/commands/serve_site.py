"""The site of a served dashboard: one page, its script, and a WebSocket for each browser."""

from __future__ import annotations

import html
import string
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import textual_serve
from aiohttp import web

from asgml.app.commands.serve_guard import Guard
from asgml.app.commands.serve_session import LONGEST_MESSAGE, DashboardSession

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STATIC = Path(textual_serve.__file__).parent / "static"
HEARTBEAT = 15.0
"""Seconds between two signs of life; a browser that gives none has left."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' {socket}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>$title</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="static/css/xterm.css">
    <script src="static/js/textual.js"></script>
    <script src="focus.js" defer></script>
    <style>
      html, body { background: #0d1117; color: #d5dae0; font-family: monospace; margin: 0;
                   overflow: hidden }
      .note { position: absolute; inset: 0; display: flex; align-items: center;
              justify-content: center; z-index: 10; background: #0d1117 }
      a { color: #6cb6ff }
      #start, .ended, body.-first-byte .opening { display: none }
      body.-closed .ended { display: flex }
    </style>
  </head>
  <body>
    <div class="note opening">opening $title</div>
    <div class="note ended"><p>The dashboard has ended; the training goes on.
      <a href="./">Open it again</a></p></div>
    <div id="start"></div>
    <div id="terminal" class="textual-terminal" data-font-size="$font"
         data-session-websocket-url="$socket"></div>
  </body>
</html>
""")

FOCUS = """// Keys go to the dashboard as soon as it is there, without a click on it first.
new MutationObserver((_, observer) => {
  const field = document.querySelector(".xterm-helper-textarea");
  if (field && document.body.classList.contains("-first-byte")) {
    field.focus();
    observer.disconnect();
  }
}).observe(document.body, {attributes: true});
"""


class Site:
    """The handlers of a server: `argv` is the dashboard's command, `most` bounds the sessions."""

    def __init__(self, argv: Sequence[str], title: str, guard: Guard, most: int) -> None:
        self.guard = guard
        self._argv = argv
        self._title = title
        self._most = most
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def taken(self) -> int:
        """The number of browsers that have a dashboard now."""
        return len(self._sockets)

    def application(self) -> web.Application:
        """Return the site for aiohttp."""

        @web.middleware
        async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._admit(request, handler)

        site = web.Application(middlewares=[admit], client_max_size=1024)
        site.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self._session),
                web.get("/focus.js", self._focus),
                web.static("/static", STATIC),
            ]
        )
        site.on_shutdown.append(self._end_all)
        return site

    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass that has the cookie; give the cookie for the token."""
        socket = request.path == "/ws"
        refusal = self.guard.refusal(
            request.host, request.headers.get("Origin"), needs_origin=socket
        )
        if refusal:
            return self._guarded(request, _text(403, f"refused: {refusal}"))
        if self.guard.knows_ticket(request.cookies.get(_cookie(request), "")):
            return self._guarded(request, await _answered(handler, request))
        if request.path == "/" and self.guard.knows_token(request.query.get("token", "")):
            return self._guarded(request, self._welcome(request))
        told = "refused: open the address that `asgml serve` printed, with its token"
        return self._guarded(request, _text(403, told))

    def _welcome(self, request: web.Request) -> web.Response:
        """Return the answer to the token: a cookie, and the page without it in the address."""
        response = web.Response(status=303, headers={"Location": "./"})
        response.set_cookie(_cookie(request), self.guard.ticket, httponly=True, samesite="Strict")
        return response

    def _guarded(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers[name] = value.replace("{socket}", _socket_url(request))
        return response

    async def _page(self, request: web.Request) -> web.Response:
        if self.taken >= self._most:
            return self._full()
        size = request.query.get("fontsize", "16")
        font = size if size.isdecimal() and 4 <= int(size[:4]) <= 100 else "16"
        texts = {"title": self._title, "font": font, "socket": _socket_url(request)}
        page = PAGE.substitute({key: html.escape(text) for key, text in texts.items()})
        return web.Response(text=page, content_type="text/html")

    async def _focus(self, request: web.Request) -> web.Response:
        return web.Response(text=FOCUS, content_type="text/javascript")

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if self.taken >= self._most:
            return self._full()
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LONGEST_MESSAGE)
        self._sockets.add(socket)
        try:
            await socket.prepare(request)
            session = DashboardSession(self._argv, socket)
            asked = (request.query.get(name, "") for name in ("width", "height"))
            await session.talk(*(int(one) if one.isdecimal() else 80 for one in asked))
            await socket.close()
        finally:
            self._sockets.discard(socket)
        return socket

    def _full(self) -> web.Response:
        told = f"all {self._most} places are taken; close another dashboard, or `--sessions`"
        return _text(503, told)

    async def _end_all(self, site: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close(message=b"the server ends")


async def _answered(handler: Handler, request: web.Request) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _text(error.status, error.reason)


def _cookie(request: web.Request) -> str:
    """Return the name of the cookie: browsers keep those of all ports of a host together."""
    return f"asgml-{request.url.port}"


def _socket_url(request: web.Request) -> str:
    return f"{'wss' if request.secure else 'ws'}://{request.host}/ws"


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n")
