"""The screens of many runs: the run list, the plan, and the way between them and a run."""
