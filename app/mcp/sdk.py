"""The official SDK of the Model Context Protocol, of either major version."""

from __future__ import annotations

import importlib
from typing import Any

from asgml.app.errors import RunFailedError

ROOMS = ("mcp.server.mcpserver", "mcp.server.fastmcp")
"""Where a server lies in version 2, and in version 1; what is used of both is the same."""


def new_server(name: str, instructions: str) -> Any:
    """Return an empty server. Raise RunFailedError where the extra is not installed."""
    try:
        module = _first("")
    except ImportError:
        raise RunFailedError(
            "asgml mcp needs the SDK mcp, which is not installed; `pip install 'asgml[mcp]'`"
        ) from None
    server = getattr(module, "MCPServer", None) or module.FastMCP
    return server(name, instructions=instructions)


def annotations_of(hints: dict[str, bool | str]) -> Any:
    """Return the annotations of a tool, by their names in the protocol."""
    return importlib.import_module("mcp.types").ToolAnnotations.model_validate(hints)


def tool_error(message: str) -> Exception:
    """Return the error that a client is told."""
    error: Exception = _first(".exceptions").ToolError(message)
    return error


def _first(inner: str) -> Any:
    """Return the module of the installed version. Raise ImportError where none is."""
    try:
        return importlib.import_module(ROOMS[0] + inner)
    except ImportError:
        return importlib.import_module(ROOMS[1] + inner)
