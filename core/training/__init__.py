"""The trainer and its components: the step, the update, balancing, checks at the start."""
