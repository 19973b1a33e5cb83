"""Curves in characters: windows, envelopes, smoothing, axes, dots and letters."""
