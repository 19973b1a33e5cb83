"""The dashboard: a live or replayed run on the terminal."""
