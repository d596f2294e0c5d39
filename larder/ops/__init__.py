"""Running Larder: health, roles, demo data, invariants, the worker's jobs."""
