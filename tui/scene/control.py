"""Control of the training, as the screens show it: who steers, and since when."""

from __future__ import annotations

import time
from dataclasses import dataclass

from asgml.storage.format.safe_text import one_line


@dataclass(frozen=True)
class Control:
    """The control lease of the run on screen; `holder` is "" where nobody steers."""

    holder: str = ""
    since: float = 0.0
    mine: bool = False

    @property
    def foreign(self) -> bool:
        """True while another dashboard steers."""
        return bool(self.holder) and not self.mine

    @property
    def text(self) -> str:
        """Who steers, in words; "" for nobody."""
        if not self.holder:
            return ""
        if self.mine:
            return "you steer"
        since = time.strftime("%H:%M", time.localtime(self.since))
        return f"{one_line(self.holder)} steers since {since}"
