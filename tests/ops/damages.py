"""Damages of the tables and the invariants that they violate.

The statements run in a shop of busy_shop.py, as a superuser without triggers and foreign keys:
they represent the effects of a restore, a repair by hand or a defect.
"""

from tests.ops.damage import Damage
from tests.ops.order_damages import CART, MOVES, ORDERS, PAYMENTS, UNPLACED

STOCK = [
    Damage(
        "committed went below zero",
        "ALTER TABLE stock DROP CONSTRAINT stock_committed;"
        "UPDATE stock SET committed = -1 WHERE product_id = {hat}",
        {"stock_is_the_sum_of_its_ledger"},
    ),
    Damage(
        "a unit was added without the ledger",
        "UPDATE stock SET available = available + 1 WHERE product_id = {hat}",
        {"stock_is_the_sum_of_its_ledger"},
    ),
    Damage(
        "committed is more than all orders want",
        "UPDATE stock SET committed = committed + 1 WHERE product_id = {jam}",
        {"stock_is_the_sum_of_its_ledger"},
    ),
]

HELD = """
SELECT pg_temp.book({tea}, -2, 2, 'hold', '00000000-0000-7000-8000-00000000000a');
INSERT INTO "order" (id, customer_id, status, currency, total, units, created_at, placed_at,
                     updated_at, note, reference, version, expires_at)
VALUES ('00000000-0000-7000-8000-00000000000b', {anna.pk}, 'pending', 'GBP', 3, 2, now(), now(),
        now(), '', '', 1, now() + interval '1 hour');
INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
VALUES ('00000000-0000-7000-8000-00000000000b', {tea}, 'T', 'T', 1.5, 2, now());
INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
VALUES ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b', 'held', '',
        'pending', gen_random_uuid(), now(), '{{}}');
INSERT INTO held_line ("order", product_id, event, quantity, expires_at)
VALUES ('00000000-0000-7000-8000-00000000000b', {tea}, '00000000-0000-7000-8000-00000000000a', 2,
        now() + interval '1 hour');
UPDATE stock SET next_expiry = now() + interval '1 hour' WHERE product_id = {tea};
"""
"""A hold of tea."""

HOLDS = [
    Damage(
        "a held line expires later than its order",
        HELD + "UPDATE held_line SET expires_at = expires_at + interval '1 s'",
        {"held_lines_are_those_of_pending_orders"},
    ),
    Damage(
        "a held line is gone",
        HELD + "DELETE FROM held_line; UPDATE stock SET next_expiry = NULL",
        {"held_lines_are_those_of_pending_orders", "order_lines_are_in_the_ledger"},
    ),
    Damage(
        "a hold was released in the ledger only",
        HELD + "SELECT pg_temp.book({tea}, 2, -2, 'release',"
        " '00000000-0000-7000-8000-00000000000a')",
        {"order_lines_are_in_the_ledger"},
    ),
    Damage(
        "a cancelled order still holds its units",
        HELD + "SELECT pg_temp.happen('00000000-0000-7000-8000-00000000000b', 'cancelled',"
        " 'pending', 'cancelled')",
        {"held_lines_are_those_of_pending_orders"},
    ),
    Damage(
        "a product forgot when its hold expires",
        HELD + "UPDATE stock SET next_expiry = NULL",
        {"no_held_line_expires_before_the_next_expiry"},
    ),
]

LEDGER = [
    Damage(
        "an entry's change was rewritten",
        "UPDATE ledger_entry SET available_change = available_change + 1"
        " WHERE product_id = {jam} AND cause = 'received'",
        {"stock_is_the_sum_of_its_ledger", "ledger_is_an_unbroken_chain"},
    ),
    Damage(
        "an entry's balance was rewritten",
        "UPDATE ledger_entry SET available_after = available_after + 1"
        " WHERE product_id = {jam} AND cause = 'received'",
        {"ledger_is_an_unbroken_chain"},
    ),
    Damage(
        "an entry is gone",
        "DELETE FROM ledger_entry WHERE product_id = {jam} AND cause = 'opening'",
        {"stock_is_the_sum_of_its_ledger", "ledger_is_an_unbroken_chain"},
    ),
    Damage(
        "an order's units are called a cancellation's",
        "UPDATE ledger_entry SET cause = 'cancel' WHERE product_id = {jam} AND cause = 'order'",
        {"movements_fit_their_cause", "entries_fit_their_event"},
    ),
    Damage(
        "units came to the customer's part of the shelf out of nowhere",
        "SELECT pg_temp.book({hat}, 0, 1, 'change', pg_temp.happen('{first_order}', 'changed',"
        " 'placed', 'placed')); SELECT pg_temp.line('{first_order}', {hat})",
        {"movements_fit_their_cause", "order_lines_are_in_the_ledger"},
    ),
    Damage(
        "an adjustment is gone",
        "DELETE FROM adjustment",
        {"adjustments_explain_their_entries"},
    ),
    Damage(
        "an adjustment has another reason than its entries",
        "UPDATE adjustment SET reason = 'damaged'",
        {"adjustments_explain_their_entries"},
    ),
    Damage(
        "an opening refers to an adjustment",
        "SELECT pg_temp.book({hat}, 1, 0, 'opening', id::text) FROM adjustment",
        {"adjustments_explain_their_entries"},
    ),
]

KEYS_AND_ACCOUNTS = [
    Damage(
        "an order was placed under an id that was abandoned",
        "UPDATE idempotency_key SET result = 'abandoned' WHERE key = '{first_order}'",
        {"abandoned_ids_have_no_order"},
    ),
    Damage(
        "a claim was committed without a result",
        "UPDATE idempotency_key SET result = '' WHERE operation LIKE '%adjustments'",
        {"no_claim_is_left_open"},
    ),
    Damage(
        "a key leads to an order that is not there",
        "UPDATE idempotency_key SET result = gen_random_uuid()::text WHERE key = 'telephone'",
        {"keys_lead_to_orders"},
    ),
    Damage(
        "a key of a move leads to an order that is not there",
        "SELECT pg_temp.key(gen_random_uuid(), 'POST /api/v1/orders/lost/ship', 'lost')",
        {"keys_lead_to_orders"},
    ),
    Damage(
        "a key leads to a cart",
        CART + "UPDATE idempotency_key SET result ="
        " (SELECT \"order\"::text FROM cart) WHERE key = 'first'",
        {"keys_lead_to_orders"},
    ),
]

DAMAGES = [*STOCK, *HOLDS, *LEDGER, *ORDERS, *MOVES, *UNPLACED, *PAYMENTS, *KEYS_AND_ACCOUNTS]

LIVES = {
    "changed, packed short, shipped, returned": """
        SELECT pg_temp.book({jam}, 2, -2, 'change',
                            pg_temp.happen('{first_order}', 'changed', 'placed', 'placed'));
        UPDATE order_line SET quantity = 5 WHERE order_id = '{first_order}';
        SELECT pg_temp.book({jam}, 0, -1, 'missing',
                            pg_temp.happen('{first_order}', 'packed', 'placed', 'packed',
                                           pg_temp.short({jam}, 5, 4, true)));
        UPDATE order_line SET quantity = 4 WHERE order_id = '{first_order}';
        UPDATE "order" SET total = 4 * 1.50, units = 4 WHERE id = '{first_order}';
        SELECT pg_temp.book({jam}, 0, -4, 'ship',
                            pg_temp.happen('{first_order}', 'shipped', 'packed', 'shipped'));
        SELECT pg_temp.book({jam}, 3, 0, 'return',
                            pg_temp.happen('{first_order}', 'returned', 'shipped', 'returned',
                                           pg_temp.back({jam}, 3, 1)));
        UPDATE order_line SET returned = 4 WHERE order_id = '{first_order}'
    """,
    "packed short, then cancelled": """
        SELECT pg_temp.book({jam}, 0, -2, 'missing', pg_temp.happen('{first_order}', 'packed',
                            'placed', 'packed', pg_temp.short({jam}, 7, 5, true)));
        UPDATE order_line SET quantity = 5 WHERE order_id = '{first_order}';
        UPDATE "order" SET total = 5 * 1.50, units = 5 WHERE id = '{first_order}';
        SELECT pg_temp.book({jam}, 5, -5, 'cancel',
                            pg_temp.happen('{first_order}', 'cancelled', 'packed', 'cancelled'))
    """,
    "cancelled because nothing was on the shelf": """
        SELECT pg_temp.book({jam}, 0, -7, 'missing', pg_temp.happen('{first_order}', 'cancelled',
                            'placed', 'cancelled', pg_temp.short({jam}, 7, 0, true)))
    """,
    "cancelled": """
        SELECT pg_temp.book({jam}, 7, -7, 'cancel',
                            pg_temp.happen('{first_order}', 'cancelled', 'placed', 'cancelled'))
    """,
    "a line taken off": """
        SELECT pg_temp.book({hat}, 5, 0, 'opening', '{hat}');
        SELECT pg_temp.book({hat}, -2, 2, 'change',
                            pg_temp.happen('{first_order}', 'changed', 'placed', 'placed'));
        SELECT pg_temp.book({hat}, 2, -2, 'change',
                            pg_temp.happen('{first_order}', 'changed', 'placed', 'placed'))
    """,
    "a cart with lines": CART,
    "a hold": HELD,
    "an empty cart": f"{CART} UPDATE cart SET lines = '[]'",
    "a cart that was placed": """
        UPDATE order_event SET from_status = 'draft' WHERE order_id = '{first_order}'
    """,
    "an abandoned id and an abandoned key": """
        SELECT pg_temp.key('00000000-0000-0000-0000-000000000000', 'order-id', 'abandoned');
        SELECT pg_temp.key('{anna.public_id}', operation, 'abandoned')
        FROM unnest(ARRAY['POST /api/v1/orders', 'POST /api/v1/cart/submit']) AS operation
    """,
    "keys past their time deleted": """
        DELETE FROM idempotency_key WHERE expires_at IS NOT NULL
    """,
}
"""What the design lets happen, and no invariant may mind."""
