"""The session: the one thread that reads the run and sends requests."""
