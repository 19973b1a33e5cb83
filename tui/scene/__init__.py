"""Scenes: everything that the screens draw of one moment of a run."""
