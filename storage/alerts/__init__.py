"""Alert rules: what in a run a person wants to be told of, and when a rule has fired."""
