"""The parts of the screen. Each shows a scene and knows nothing of files or threads."""
