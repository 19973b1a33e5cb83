"""HTML made of elements, in which every text is escaped unless it is an element itself."""

from __future__ import annotations

import html
from urllib.parse import quote

from asgml.storage.format.safe_text import safe

EMPTY = frozenset({"meta", "link", "br", "hr", "input"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, /, *inner: str, **attributes: str | None) -> Html:
    """Return one element. `class_` is the attribute class, `data_v` data-v; None leaves one out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in EMPTY:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{join(*inner)}</{tag}>")


def join(*parts: str) -> Html:
    """Return the parts one after the other; what is no Html is escaped."""
    return Html("".join(part if isinstance(part, Html) else text(part) for part in parts))


def text(value: object) -> str:
    """Return untrusted text, escaped for an element or an attribute, without control characters."""
    return html.escape(safe(value), quote=True)


def relative_link(path: str) -> str:
    """Return a path as a link that can only lead into a folder, never to a scheme or a host."""
    return "./" + quote(path, safe="/")
