"""The command line: commands, recipes, settings, and the launcher of trainers."""
