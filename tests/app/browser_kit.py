"""A headless Chromium for tests, driven through its debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """One page of the browser: commands go out by number, answers come back by it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def ask(self, method: str, **given: object) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": given})
        while True:
            answer = await self._socket.receive_json(timeout=60)
            if answer.get("id") == number:
                return answer.get("result") or answer

    async def value(self, script: str) -> Any:
        answer = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def until(self, script: str, seconds: float = 60.0) -> None:
        """Wait until a script is true."""
        for _ in range(int(seconds / 0.1)):
            if await self.value(script):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"never true: {script}")

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.ask("Input.dispatchKeyEvent", type=kind, key=key, text=key)

    async def picture(self) -> bytes:
        answer = await self.ask("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


@asynccontextmanager
async def browser(folder: Path, width: int = 1400, height: int = 860) -> AsyncIterator[Page]:
    """A browser with one empty page; it ends with the block."""
    command = [
        str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-data-dir={folder}",
        f"--window-size={width},{height}", "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = folder / "DevToolsActivePort"
        while not (port_file.is_file() and port_file.read_text()):
            assert process.poll() is None, "the browser ended"
            await asyncio.sleep(0.1)
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            url = pages[0]["webSocketDebuggerUrl"]
            async with client.ws_connect(url, max_msg_size=0) as socket:
                page = Page(socket)
                await page.ask("Emulation.setFocusEmulationEnabled", enabled=True)
                yield page
    finally:
        process.terminate()
        process.wait(20)
