"""Curves in characters: windows, decimation, smoothing, axes, dots and letters."""
