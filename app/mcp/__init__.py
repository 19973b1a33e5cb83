"""Runs for assistants: the tools of `asgml mcp`, their bounds, and what they may touch."""
