"""Data in the arrays format: files of named arrays, checked, normalised, and made a data set."""
