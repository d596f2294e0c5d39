"""Ways to run Larder, each with the check that proves it."""
