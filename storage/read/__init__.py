"""Reading a run, live or ended: no locks, no writes."""
