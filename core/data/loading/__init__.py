"""From a split to batches: the random order, worker processes that read ahead, GPU residency."""
