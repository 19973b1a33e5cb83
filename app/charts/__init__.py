"""Charts for the headless commands, printed once."""
