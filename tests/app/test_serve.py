"""serve: a browser sees the dashboard with the token alone, from its own page, and may look."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest
from aiohttp import web
from browser_kit import CHROMIUM, browser
from hypothesis import given
from hypothesis import strategies as st

from asgml.app.commands.serve import ServeOptions, dashboard_argv
from asgml.app.commands.serve_guard import host_name, make_guard
from asgml.app.commands.serve_site import Site
from asgml.app.errors import FAILED, NOT_FOUND, OK, USAGE, UserError
from asgml.storage.format.layout import RunPaths

Asgml = Callable[..., "Said"]
TOKEN = "a token of the tests"
WAITS = [sys.executable, "-P", "-c", "import time; time.sleep(600)"]


@asynccontextmanager
async def served(argv: list[str], most: int = 4) -> AsyncIterator[tuple[str, Site]]:
    site = Site(argv, "a run", make_guard("127.0.0.1", TOKEN), most)
    runner = web.AppRunner(site.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", site
    finally:
        await runner.cleanup()


@asynccontextmanager
async def visitor(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that has been let in, and keeps its cookie."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        async with client.get(url, params={"token": TOKEN}) as answer:
            assert answer.status == 200
        yield client


async def status(client: aiohttp.ClientSession, url: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.get(url, headers=named, allow_redirects=False) as answer:
        return answer.status


def upgrade(**more: str) -> dict[str, str]:
    return {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"} | {
        "Sec_WebSocket_Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        **more,
    }


async def test_without_the_token_nothing_is_given() -> None:
    async with served(WAITS) as (url, site), aiohttp.ClientSession() as client:
        for path in (
            "/",
            "/?token=",
            "/?token=wrong",
            f"/?token={TOKEN}x",
            "/static/js/textual.js",
        ):
            assert await status(client, url + path) == 403, path
        assert await status(client, f"{url}/ws?token={TOKEN}", **upgrade(Origin=url)) == 403
        assert await status(client, url + "/", Cookie=f"asgml-{url.rpartition(':')[2]}=x") == 403
        assert not site.taken


async def test_the_token_becomes_a_cookie_that_scripts_cannot_read() -> None:
    async with served(WAITS) as (url, site), aiohttp.ClientSession() as client:
        async with client.get(url, params={"token": TOKEN}, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"]
            assert answer.status == 303 and answer.headers["Location"] == "./"
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert TOKEN not in cookie and site.guard.ticket in cookie


async def test_the_page_brings_nothing_from_elsewhere() -> None:
    async with served(WAITS) as (url, _), visitor(url) as client:
        async with client.get(url) as answer:
            page, headers = await answer.text(), answer.headers
        assert f"{url.replace('http', 'ws')}/ws" in page and TOKEN not in page
        assert "https://" not in page and headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert await status(client, f"{url}/static/js/textual.js") == 200


async def test_another_name_or_another_servers_page_is_refused_with_the_cookie_too() -> None:
    async with served(WAITS) as (url, site), visitor(url) as client:
        assert await status(client, url, Host="evil.example:8765") == 403
        assert await status(client, url, Origin="http://evil.example") == 403
        for origin in ("http://evil.example", "http://127.0.0.1:1", "null", ""):
            assert await status(client, f"{url}/ws", **upgrade(Origin=origin)) == 403, origin
        assert await status(client, f"{url}/ws", **upgrade()) == 403  # no page at all
        assert not site.taken


async def test_a_browser_gets_a_dashboard_that_ends_with_it(tiny_run: RunPaths) -> None:
    argv = dashboard_argv(tiny_run.root, ServeOptions())
    assert "--readonly" in argv and "--readonly" not in dashboard_argv(
        tiny_run.root, ServeOptions(steer=True)
    )
    async with served(argv) as (url, site), visitor(url) as client:
        async with client.ws_connect(f"{url}/ws?width=120&height=40", origin=url) as socket:
            shown = await _read_until(socket, "FINISHED")
            assert "tiny-01" in shown and "read-only" in shown
            child = _child(argv)
            for bad in ("[", "{}", "[]", '["resize", "x"]', '["stdin", 7]', '["resize", {}]'):
                await socket.send_str(bad)
            await socket.send_json(["stdin", "W"])  # a picture would be a file of the server's
            await _read_until(socket, "browser writes no files")
        await _gone(child)
        assert not site.taken and not list(Path.cwd().glob("*.svg"))


async def test_places_are_counted_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgml.app.commands.serve_session.END_SECONDS", 0.3)
    async with served(WAITS, most=1) as (url, _), visitor(url) as client:
        async with client.ws_connect(f"{url}/ws", origin=url):
            assert await status(client, f"{url}/ws", **upgrade(Origin=url)) == 503
            assert await status(client, url) == 503
        for _ in range(100):
            if await status(client, url) == 200:
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("the place was not given back")


async def test_a_command_that_cannot_start_closes_the_page() -> None:
    argv = [sys.executable, "-P", "-c", "raise SystemExit('no such run')"]
    async with (
        served(argv) as (url, _),
        visitor(url) as client,
        client.ws_connect(f"{url}/ws", origin=url) as socket,
    ):
        message = await socket.receive(timeout=20)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_a_name_is_never_a_word_of_the_shell(
    tiny_run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a; touch pwned", "$(touch pwned)", "b' `touch pwned` \"", "-rf & touch pwned"):
        folder = tmp_path / name
        shutil.copytree(tiny_run.root, folder)
        argv = [sys.executable, "-P", "-c", "pass", dashboard_argv(folder, ServeOptions())[-1]]
        async with (
            served(argv) as (url, _),
            visitor(url) as client,
            client.ws_connect(f"{url}/ws", origin=url) as socket,
        ):
            await socket.receive(timeout=20)
    assert not list(tmp_path.glob("pwned"))


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("127.0.0.1:8765", None, True),
        ("localhost:9000", "http://localhost:9000", True),  # through a tunnel
        ("[::1]:8765", "http://[::1]:8765", True),
        ("LOCALHOST:8765", "https://localhost:8765", True),
        ("localhost:8765", "http://127.0.0.1:8765", False),
        ("192.168.1.5:8765", None, False),
        ("localhost.evil.example", None, False),
        ("127.0.0.1.evil.example", None, False),
        ("127.0.0.1:8765; script-src *", None, False),
        ("", None, False),
    ],
)
def test_hosts_and_origins_of_a_loopback_server(host: str, origin: str, allowed: bool) -> None:
    assert (make_guard("127.0.0.1", TOKEN).refusal(host, origin) == "") is allowed


def test_a_server_for_others_goes_by_addresses_and_its_own_names() -> None:
    guard = make_guard("gpu7.example", TOKEN)
    assert not guard.refusal("192.168.1.5:8765", None)
    assert not guard.refusal("gpu7.example:8765", "http://gpu7.example:8765")
    assert guard.refusal("evil.example:8765", None)


@given(st.text())
def test_no_other_token_is_the_token(text: str) -> None:
    guard = make_guard("127.0.0.1", TOKEN)
    assert guard.knows_token(text) is (text == TOKEN) and guard.knows_token(TOKEN)
    assert host_name(text) is not None


def test_a_drawn_token_is_new_and_a_given_one_is_no_short_word() -> None:
    first, second = make_guard("localhost", None), make_guard("localhost", None)
    assert first.token != second.token and len(first.token) >= 43
    with pytest.raises(UserError, match="expected 16"):
        make_guard("localhost", "secret")


def test_the_program_prints_the_address_and_ends_when_told(tiny_run: RunPaths) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "asgml", "serve", str(tiny_run.root), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:") and "/?token=" in address
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == OK and not out and "ctrl-c" in err and "Traceback" not in err


def test_what_cannot_be_served_is_one_line(
    asgml: Asgml, tiny_run: RunPaths, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asgml("serve", "nothing").code == NOT_FOUND
    assert asgml("serve", tiny_run.root, "--token", "short").code == USAGE
    far = asgml("serve", tiny_run.root, "--host", "192.0.2.1", "--port", 0)
    assert far.code == FAILED and "lets other computers in" in far.err
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    said = asgml("serve", tiny_run.root)
    assert said.code == FAILED and "asgml[serve]" in said.err and said.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
async def test_chromium_shows_it(tiny_run: RunPaths, tmp_path: Path) -> None:
    argv = dashboard_argv(tiny_run.root, ServeOptions())
    async with served(argv) as (url, site), browser(tmp_path / "profile") as page:
        await page.ask("Page.enable")
        await page.ask("Page.navigate", url=f"{url}/?token={TOKEN}")
        await page.until("document.body.classList.contains('-first-byte')")
        assert await page.value("location.href") == f"{url}/"
        while len(before := await page.picture()) < 20_000:  # an empty page has 5 kB
            await asyncio.sleep(0.2)
        await page.press("?")
        while await page.picture() == before:
            await asyncio.sleep(0.2)
        await page.press("q")
        await page.press("q")
        await page.until("document.body.classList.contains('-closed')")
        while site.taken:
            await asyncio.sleep(0.1)


async def _read_until(socket: aiohttp.ClientWebSocketResponse, words: str) -> str:
    shown = ""
    while words not in shown:
        message = await socket.receive(timeout=60)
        assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), shown[-2000:]
        text = message.data
        shown += text if isinstance(text, str) else text.decode("utf-8", "replace")
    return shown


def _child(argv: list[str]) -> psutil.Process:
    children = psutil.Process(os.getpid()).children()
    return next(one for one in children if argv[-1] in one.cmdline())


async def _gone(process: psutil.Process) -> None:
    end = time.monotonic() + 20
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the dashboard outlives its browser"
        await asyncio.sleep(0.1)
