"""The figures of a report, drawn by matplotlib: one function each, from the report's data alone."""
