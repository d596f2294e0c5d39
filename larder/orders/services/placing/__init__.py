"""Places the orders of a batch: `place_batch`."""
