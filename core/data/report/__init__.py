"""The report on a data set: what `asgml data check` finds in it."""
