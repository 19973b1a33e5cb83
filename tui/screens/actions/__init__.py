"""The handlers of the keys, one class for each group of them."""
