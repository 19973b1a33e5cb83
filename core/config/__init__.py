"""The configuration of a run, and the settings that may change while it trains."""
