"""The run as its trainer records it: rows, events, manifest, protocol, checkpoints, commands."""
