"""A Textual program that sends only the cells that changed, and counts the bytes that it sends."""

from __future__ import annotations

from rich.console import RenderableType
from textual.app import App
from textual.screen import Screen

from asgml.tui.terminal.ansi import ByteCounter
from asgml.tui.terminal.diff_renderer import DiffRenderer


class DiffApp(App[None]):
    """Draws every update through a DiffRenderer. `bytes_sent` counts from `count_bytes` on."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes_sent = ByteCounter()
        self._renderer = DiffRenderer()

    def count_bytes(self) -> None:
        """Count what goes to the terminal, at the one function that everything passes."""
        driver = self._driver
        if driver is None:
            return
        write = driver.write

        def counted(data: str) -> None:
            self.bytes_sent.add(len(data.encode("utf-8", "replace")))
            write(data)

        driver.write = counted  # type: ignore[method-assign]

    def send(self, sequence: str) -> None:
        """Send a sequence that moves no cursor and draws nothing to the terminal."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)
            self._driver.flush()

    def redraw(self) -> None:
        """Send the whole screen again, for a terminal that something else has written to."""
        self._renderer.forget()
        self.screen.refresh(layout=True)

    def on_resize(self) -> None:
        # a terminal moves or clears its text when it is resized
        self._renderer.forget()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send only cells that differ from what the terminal shows; nothing where none does."""
        # an inline driver moves the screen with the shell's text: positions do not stay
        driver = self._driver
        whole = self.is_headless or driver is None or driver.is_inline
        if renderable is None or self._batch_count or whole:
            super()._display(screen, renderable)
            return
        sent = self._renderer.changes(renderable, self.console)
        if sent is None:
            self.post_display_hook()
        else:
            super()._display(screen, sent)
