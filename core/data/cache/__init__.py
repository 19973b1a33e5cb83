"""The prepared cache: clips decoded once, in a Zarr group beside their files (CACHE.md)."""
