"""The run directory: all that the trainer and the dashboard share."""
