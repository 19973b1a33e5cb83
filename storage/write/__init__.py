"""Writing a run: one process at a time, data first and then the head that publishes it."""
