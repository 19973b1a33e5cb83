"""The field's data sets, a file each, and how their lists and folders are read."""
