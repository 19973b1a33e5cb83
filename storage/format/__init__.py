"""The format of a run directory: everything that its writer and its readers share."""
