"""Commands to a trainer, as files in the directory of its run."""
