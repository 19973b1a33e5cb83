"""The prepared cache: clips decoded once."""
