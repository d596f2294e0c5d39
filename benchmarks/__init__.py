"""Load figures: `make bench`, `make bench/compare`, `make bench/overload`."""
