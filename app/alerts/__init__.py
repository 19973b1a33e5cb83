"""Alerts for people who are away: the watcher of a run, and the ways an alert is delivered."""
