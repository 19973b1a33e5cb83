"""Data that the program generates itself."""
