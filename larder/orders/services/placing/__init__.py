"""Places orders.

Read in this order:

1. `placement`: the request, the answer, and the data between them
2. `place_order`: places one order in the queue, and tries failed ones again
3. `place_batch`: the transaction. Its steps: `claims` (ids, keys, carts),
   `larder/orders/decision.py`, `write_orders`
"""

__all__ = ["place_order", "placement"]
