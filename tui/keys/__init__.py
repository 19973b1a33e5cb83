"""The one table of keys: dispatch, footer, help, command palette and KEYS.md are made from it."""
