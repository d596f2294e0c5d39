"""Places orders: `place_order` of one waits for the transaction of its batch, `place_batch`."""
