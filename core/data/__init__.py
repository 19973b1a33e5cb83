"""Data sets in memory: the contract, the arrays format, and a built-in data set."""

from core.data.base import DataError, Dataset, Split, load_data

__all__ = ["DataError", "Dataset", "Split", "load_data"]
