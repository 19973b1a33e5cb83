"""The error of the Balancer."""


class LoopError(ValueError):
    """A loop and a method that do not fit, or a call out of place. The message is one line."""
