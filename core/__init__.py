"""The training core: encoders, fusion, probes, scheduler, gradient modulators and the loop that joins them."""
