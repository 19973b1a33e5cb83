"""Widgets of the main screen. Each shows a scene and has no access to files or threads."""
