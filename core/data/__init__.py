"""Data sets: the contract, the arrays format, clips that lie in files, and how both are read."""

from asgml.core.data.base import DataError, Dataset, Split, load_data

__all__ = ["DataError", "Dataset", "Split", "load_data"]
