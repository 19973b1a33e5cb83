"""Statistics over groups of runs: estimates, paired tests, ranks, and the table made of them."""
