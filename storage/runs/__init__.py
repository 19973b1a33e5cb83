"""A folder of runs as one table: records from an index, groups by settings, filters, labels."""
