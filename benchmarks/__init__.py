"""Load figures: `make bench`, `make bench/compare`, `python -m benchmarks.overload`."""
