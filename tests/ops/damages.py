"""What may happen to a shop's tables, and which invariants that breaks.

The statements run in a shop of busy_shop.py, as a superuser with triggers and foreign keys off:
they stand for whatever a restore, a repair by hand or a defect may leave behind.
"""

from typing import NamedTuple

TOOLS = """
CREATE FUNCTION pg_temp.book(of bigint, available int, committed int, why text, event text)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO ledger_entry (product_id, available_change, committed_change, available_after,
                              committed_after, cause, reference, actor, at)
    SELECT product_id, $2, $3, stock.available + $2, stock.committed + $3, why, event,
           gen_random_uuid(), now()
    FROM stock WHERE product_id = of;
    UPDATE stock SET available = stock.available + $2, committed = stock.committed + $3
    WHERE product_id = of;
$$;
CREATE FUNCTION pg_temp.happen(to_order uuid, what text, before text, after text)
RETURNS text LANGUAGE sql AS $$
    UPDATE "order" SET status = after WHERE id = to_order;
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    VALUES (gen_random_uuid(), to_order, what, before, after, gen_random_uuid(), now(), '{}')
    RETURNING id::text;
$$;
"""
"""`book` moves units as movements.move does, ledger and stock together; `happen` moves an
order as its services do, and gives the id of the event."""


class Damage(NamedTuple):
    """Statements (fields are those of BusyShop) and the invariants they break: no others."""

    what: str
    statements: str
    breaks: set[str]


LESS_JAM = """
UPDATE ledger_entry SET available_change = available_change - {units}
WHERE product_id = {{jam}} AND cause = 'opening';
UPDATE ledger_entry SET available_after = available_after - {units} WHERE product_id = {{jam}};
UPDATE stock SET available = available - {units} WHERE product_id = {{jam}};
"""

STOCK = [
    Damage(
        "more jam was sold than there ever was",
        "ALTER TABLE stock DROP CONSTRAINT stock_available;" + LESS_JAM.format(units=9),
        {"stock_is_not_negative", "balances_were_never_negative"},
    ),
    Damage(
        "jam was oversold until the delivery came",
        LESS_JAM.format(units=5),
        {"balances_were_never_negative"},
    ),
    Damage(
        "committed went below zero",
        "ALTER TABLE stock DROP CONSTRAINT stock_committed;"
        "UPDATE stock SET committed = -1 WHERE product_id = {hat}",
        {
            "stock_is_not_negative",
            "stock_is_the_sum_of_its_ledger",
            "stock_is_the_last_balance",
            "committed_is_what_is_unshipped",
        },
    ),
    Damage(
        "a product lost its stock row",
        "DELETE FROM stock WHERE product_id = {hat}",
        {"each_product_has_one_stock_row"},
    ),
    Damage(
        "a stock row lost its product",
        "DELETE FROM product WHERE id = {hat}",
        {"each_product_has_one_stock_row"},
    ),
    Damage(
        "a product has two stock rows",
        "ALTER TABLE stock DROP CONSTRAINT stock_pkey CASCADE;"
        "INSERT INTO stock (product_id) VALUES ({hat})",
        {"each_product_has_one_stock_row"},
    ),
    Damage(
        "a unit was added without the ledger",
        "UPDATE stock SET available = available + 1 WHERE product_id = {hat}",
        {"stock_is_the_sum_of_its_ledger", "stock_is_the_last_balance"},
    ),
    Damage(
        "committed is more than all orders want",
        "UPDATE stock SET committed = committed + 1 WHERE product_id = {jam}",
        {
            "stock_is_the_sum_of_its_ledger",
            "stock_is_the_last_balance",
            "committed_is_what_is_unshipped",
        },
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
        {"stock_is_the_last_balance", "ledger_is_an_unbroken_chain"},
    ),
    Damage(
        "an entry is gone",
        "DELETE FROM ledger_entry WHERE product_id = {jam} AND cause = 'opening'",
        {"stock_is_the_sum_of_its_ledger", "ledger_is_an_unbroken_chain"},
    ),
    Damage(
        "an order's units are called a cancellation's",
        "UPDATE ledger_entry SET cause = 'cancel' WHERE product_id = {jam} AND cause = 'order'",
        {"movements_fit_their_cause"},
    ),
    Damage(
        "units came to the customer's part of the shelf out of nowhere",
        "SELECT pg_temp.book({hat}, 0, 1, 'change', pg_temp.happen('{first_order}', 'changed',"
        " 'placed', 'placed')); INSERT INTO order_line (order_id, product_id, sku, name,"
        " unit_price, quantity) VALUES ('{first_order}', {hat}, 'H', 'H', 0, 1)",
        {"movements_fit_their_cause", "order_lines_are_in_the_ledger"},
    ),
    Damage(
        "the catalogue was loaded twice",
        "SELECT pg_temp.book({jam}, 10, 0, 'opening', 'again')",
        {"stock_was_opened_once"},
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
    Damage(
        "units were taken and given back for an event that is not there",
        "SELECT pg_temp.book({jam}, -1, 1, 'order', 'lost');"
        "SELECT pg_temp.book({jam}, 1, -1, 'cancel', 'lost')",
        {"ledger_refers_to_order_events"},
    ),
]

ORDERS = [
    Damage(
        "two customers' units changed places",
        "UPDATE order_line SET quantity = 7 - quantity WHERE product_id = {tea};"
        'UPDATE "order" SET total = 10.50 - total WHERE id IN'
        " (SELECT order_id FROM order_line WHERE product_id = {tea})",
        {"order_lines_are_in_the_ledger"},
    ),
    Damage(
        "a line was added without taking units",
        "INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity)"
        " VALUES ('{first_order}', {hat}, 'H', 'H', 0, 1)",
        {"order_lines_are_in_the_ledger", "committed_is_what_is_unshipped"},
    ),
    Damage(
        "an order was shipped and its units are still committed",
        "SELECT pg_temp.happen('{first_order}', 'shipped', 'placed', 'shipped')",
        {"order_lines_are_in_the_ledger", "committed_is_what_is_unshipped"},
    ),
    Damage(
        "a cancelled order's units were written off",
        "SELECT pg_temp.book({jam}, 0, -7, 'missing',"
        " pg_temp.happen('{first_order}', 'cancelled', 'placed', 'cancelled'))",
        {"order_lines_are_in_the_ledger"},
    ),
    Damage(
        "a total was rewritten",
        "UPDATE \"order\" SET total = total + 0.001 WHERE id = '{first_order}'",
        {"totals_are_the_sum_of_lines"},
    ),
    Damage(
        "a line's price was rewritten",
        "UPDATE order_line SET unit_price = 1.40 WHERE order_id = '{first_order}'",
        {"totals_are_the_sum_of_lines"},
    ),
    Damage(
        "an order lost its lines",
        "DELETE FROM order_line WHERE order_id = '{first_order}'",
        {
            "orders_have_lines",
            "order_lines_are_in_the_ledger",
            "committed_is_what_is_unshipped",
        },
    ),
    Damage(
        "an order was lost",
        "DELETE FROM \"order\" WHERE id = '{first_order}'",
        {
            "lines_and_events_have_an_order",
            "order_lines_are_in_the_ledger",
            "committed_is_what_is_unshipped",
            "keys_lead_to_orders",
        },
    ),
    Damage(
        "an order was lost with all that belongs to it",
        "DELETE FROM order_line WHERE order_id = '{first_order}';"
        "DELETE FROM order_event WHERE order_id = '{first_order}';"
        "DELETE FROM idempotency_key WHERE result = '{first_order}';"
        "DELETE FROM \"order\" WHERE id = '{first_order}'",
        {"ledger_refers_to_order_events", "committed_is_what_is_unshipped"},
    ),
    Damage(
        "an order was placed a second time",
        "SELECT pg_temp.happen('{first_order}', 'placed', 'placed', 'placed')",
        {"orders_were_placed_once"},
    ),
    Damage(
        "a status was written without an event",
        "UPDATE \"order\" SET status = 'packed' WHERE id = '{first_order}'",
        {"status_is_that_of_the_last_event"},
    ),
    Damage(
        "two moves of one order did not see each other",
        "SELECT pg_temp.happen('{first_order}', 'packed', 'placed', 'packed');"
        "SELECT pg_temp.happen('{first_order}', 'packed', 'placed', 'packed')",
        {"order_history_has_no_gaps"},
    ),
    Damage(
        "more came back than was ordered",
        "UPDATE order_line SET returned = quantity + 1 WHERE order_id = '{first_order}'",
        {"no_more_returned_than_ordered"},
    ),
]

CART = """
INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                     updated_at, version)
VALUES (gen_random_uuid(), {anna.pk}, 'draft', 'GBP', 0, '', '', now(), now(), 1);
INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity)
SELECT id, {jam}, 'J', 'J', 1.25, 9 FROM "order" WHERE status = 'draft';
"""
"""Anna's draft, with more jam than there is, at the price of yesterday."""

DRAFTS = [
    Damage(
        "something happened to a cart",
        CART + "SELECT pg_temp.happen(id, 'changed', '', 'draft')"
        " FROM \"order\" WHERE status = 'draft'",
        {"nothing_happened_to_a_draft"},
    ),
    Damage(
        "a cart took units",
        CART + "SELECT pg_temp.book({jam}, -2, 2, 'change', pg_temp.happen(id, 'changed', '',"
        " 'draft')) FROM \"order\" WHERE status = 'draft'",
        {
            "nothing_happened_to_a_draft",
            "order_lines_are_in_the_ledger",
            "committed_is_what_is_unshipped",
        },
    ),
    Damage(
        "a placed order became a cart again",
        "UPDATE \"order\" SET status = 'draft', placed_at = NULL WHERE id = '{first_order}'",
        {
            "nothing_happened_to_a_draft",
            "orders_were_placed_once",
            "status_is_that_of_the_last_event",
            "order_lines_are_in_the_ledger",
            "committed_is_what_is_unshipped",
            "keys_lead_to_orders",
        },
    ),
    Damage(
        "a cart became an order without being placed",
        CART + "UPDATE \"order\" SET status = 'placed', placed_at = now(), total = 9 * 1.25"
        " WHERE status = 'draft'",
        {
            "orders_were_placed_once",
            "order_lines_are_in_the_ledger",
            "committed_is_what_is_unshipped",
        },
    ),
    Damage(
        "a customer has two carts",
        "DROP INDEX orders.order_one_draft;" + CART + CART.split(";", maxsplit=1)[0],
        {"customers_have_one_draft"},
    ),
    Damage(
        "an order does not say when it was placed",
        'ALTER TABLE "order" DROP CONSTRAINT order_placed_at;'
        "UPDATE \"order\" SET placed_at = NULL WHERE id = '{first_order}'",
        {"placed_orders_have_a_time"},
    ),
    Damage(
        "a cart says when it was placed",
        'ALTER TABLE "order" DROP CONSTRAINT order_placed_at;'
        + CART
        + "UPDATE \"order\" SET placed_at = now() WHERE status = 'draft'",
        {"placed_orders_have_a_time"},
    ),
]

KEYS_AND_ACCOUNTS = [
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
        "a key leads to a cart",
        CART + "UPDATE idempotency_key SET result ="
        " (SELECT id::text FROM \"order\" WHERE status = 'draft') WHERE key = 'first'",
        {"keys_lead_to_orders"},
    ),
    Damage(
        "a customer's key came to belong to a stranger",
        "UPDATE idempotency_key SET actor = '{bert.public_id}' WHERE key = 'first'",
        {"keys_belong_to_who_may_see"},
    ),
    Damage(
        "a chosen id leads to another order",
        'UPDATE idempotency_key SET result = (SELECT id::text FROM "order"'
        " WHERE id <> '{first_order}' LIMIT 1) WHERE operation = 'order-id'",
        {"keys_belong_to_who_may_see"},
    ),
    Damage(
        "two accounts share a username",
        "DROP INDEX identity.customer_username_unique;"
        "UPDATE customer SET username = 'ANNA' WHERE username = 'bert'",
        {"usernames_are_unique"},
    ),
    Damage(
        "two accounts share an email address",
        "DROP INDEX identity.customer_email_unique;"
        "UPDATE customer SET email = 'Anna@Example.com' WHERE username = 'bert'",
        {"emails_are_unique"},
    ),
]

DAMAGES = [*STOCK, *LEDGER, *ORDERS, *DRAFTS, *KEYS_AND_ACCOUNTS]

LIVES = {
    "changed, packed short, shipped, returned": """
        SELECT pg_temp.book({jam}, 2, -2, 'change',
                            pg_temp.happen('{first_order}', 'changed', 'placed', 'placed'));
        UPDATE order_line SET quantity = 5 WHERE order_id = '{first_order}';
        SELECT pg_temp.book({jam}, 0, -1, 'missing',
                            pg_temp.happen('{first_order}', 'packed', 'placed', 'packed'));
        UPDATE order_line SET quantity = 4 WHERE order_id = '{first_order}';
        UPDATE "order" SET total = 4 * 1.50 WHERE id = '{first_order}';
        SELECT pg_temp.book({jam}, 0, -4, 'ship',
                            pg_temp.happen('{first_order}', 'shipped', 'packed', 'shipped'));
        SELECT pg_temp.book({jam}, 3, 0, 'return',
                            pg_temp.happen('{first_order}', 'returned', 'shipped', 'returned'));
        UPDATE order_line SET returned = 4 WHERE order_id = '{first_order}'
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
    "an empty cart": f'{CART} DELETE FROM order_line USING "order" WHERE order_id = "order".id'
    " AND status = 'draft'",
    "a cart that was placed": """
        UPDATE order_event SET from_status = 'draft' WHERE order_id = '{first_order}'
    """,
    "an order repeated by staff, under a key of theirs": """
        UPDATE idempotency_key SET actor = '{clerk.public_id}' WHERE key = 'first'
    """,
    "staff who placed an order for a customer and left": """
        UPDATE customer SET is_staff = false WHERE username = 'clerk'
    """,
    "keys past their time deleted": """
        DELETE FROM idempotency_key WHERE expires_at IS NOT NULL
    """,
}
"""What the design lets happen, and no invariant may mind."""
