"""The MCP server: runs for assistants, which read them and, if asked for, steer."""
