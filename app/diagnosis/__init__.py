"""The diagnosis of a data set: is a modality starved, and is balancing likely to help."""
