"""Gradient modulators: one method, one file."""
