"""What may happen to orders, their moves, and carts: see damages.py."""

from tests.ops.damage import Damage

ORDERS = [
    Damage(
        "two customers' units changed places",
        "UPDATE order_line SET quantity = 7 - quantity WHERE product_id = {tea};"
        'UPDATE "order" SET total = 10.50 - total, units = 7 - units WHERE id IN'
        " (SELECT order_id FROM order_line WHERE product_id = {tea})",
        {"order_lines_are_in_the_ledger"},
    ),
    Damage(
        "a line was added without taking units",
        "SELECT pg_temp.line('{first_order}', {hat})",
        {"order_lines_are_in_the_ledger"},
    ),
    Damage(
        "an order was shipped and its units are still committed",
        "SELECT pg_temp.happen('{first_order}', 'packed', 'placed', 'packed');"
        "SELECT pg_temp.happen('{first_order}', 'shipped', 'packed', 'shipped')",
        {"order_lines_are_in_the_ledger"},
    ),
    Damage(
        "a cancelled order's units were written off",
        "SELECT pg_temp.book({jam}, 0, -7, 'missing',"
        " pg_temp.happen('{first_order}', 'cancelled', 'placed', 'cancelled'))",
        {"what_was_not_picked_is_in_the_events"},
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
        {"order_lines_are_in_the_ledger", "totals_are_the_sum_of_lines"},
    ),
    Damage(
        "an order was lost",
        "DELETE FROM \"order\" WHERE id = '{first_order}'",
        {
            *("totals_are_the_sum_of_lines", "status_is_that_of_the_last_event"),
            *("order_lines_are_in_the_ledger", "keys_lead_to_orders"),
        },
    ),
    Damage(
        "an order was lost with all that belongs to it",
        "DELETE FROM order_line WHERE order_id = '{first_order}';"
        "DELETE FROM order_event WHERE order_id = '{first_order}';"
        "DELETE FROM idempotency_key WHERE result = '{first_order}';"
        "DELETE FROM \"order\" WHERE id = '{first_order}'",
        {"entries_fit_their_event"},
    ),
    Damage(
        "an order was placed a second time",
        "SELECT pg_temp.happen('{first_order}', 'placed', 'placed', 'placed')",
        {"moves_are_of_the_lifecycle"},
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
]

SHIPPED = """
SELECT pg_temp.happen('{first_order}', 'packed', 'placed', 'packed');
SELECT pg_temp.book({jam}, 0, -7, 'ship',
                    pg_temp.happen('{first_order}', 'shipped', 'packed', 'shipped'));
"""
"""The first order leaves the house."""

MOVES = [
    Damage(
        "an order was changed after it was packed",
        "SELECT pg_temp.happen('{first_order}', 'packed', 'placed', 'packed');"
        "SELECT pg_temp.happen('{first_order}', 'changed', 'packed', 'packed')",
        {"moves_are_of_the_lifecycle"},
    ),
    Damage(
        "a change gave units back as a cancellation does",
        "SELECT pg_temp.book({jam}, 2, -2, 'cancel',"
        " pg_temp.happen('{first_order}', 'changed', 'placed', 'placed'));"
        "UPDATE order_line SET quantity = 5 WHERE order_id = '{first_order}';"
        "UPDATE \"order\" SET total = 5 * 1.50, units = 5 WHERE id = '{first_order}'",
        {"entries_fit_their_event"},
    ),
    Damage(
        "more was missing than the event tells",
        "SELECT pg_temp.book({jam}, 0, -2, 'missing', pg_temp.happen('{first_order}', 'packed',"
        " 'placed', 'packed', pg_temp.short({jam}, 7, 6, true)));"
        "UPDATE order_line SET quantity = 5 WHERE order_id = '{first_order}';"
        "UPDATE \"order\" SET total = 5 * 1.50, units = 5 WHERE id = '{first_order}'",
        {"what_was_not_picked_is_in_the_events"},
    ),
    Damage(
        "what was left on the shelf is not there",
        "SELECT pg_temp.book({jam}, 0, -2, 'missing', pg_temp.happen('{first_order}', 'packed',"
        " 'placed', 'packed', pg_temp.short({jam}, 7, 5, false)));"
        "UPDATE order_line SET quantity = 5 WHERE order_id = '{first_order}';"
        "UPDATE \"order\" SET total = 5 * 1.50, units = 5 WHERE id = '{first_order}'",
        {"what_was_not_picked_is_in_the_events"},
    ),
    Damage(
        "fewer units were shipped than the line has",
        "SELECT pg_temp.happen('{first_order}', 'packed', 'placed', 'packed');"
        "SELECT pg_temp.book({jam}, 0, -7, 'missing',"
        " pg_temp.happen('{first_order}', 'shipped', 'packed', 'shipped'))",
        {
            "order_lines_are_in_the_ledger",
            "entries_fit_their_event",
            "what_was_not_picked_is_in_the_events",
        },
    ),
    Damage(
        "units came back of an order that never left",
        "UPDATE order_line SET returned = 1 WHERE order_id = '{first_order}'",
        {"returns_are_in_the_events"},
    ),
    Damage(
        "a unit came back that no event tells of",
        SHIPPED + "UPDATE order_line SET returned = 1 WHERE order_id = '{first_order}'",
        {"returns_are_in_the_events"},
    ),
    Damage(
        "what came back broken is sold again",
        SHIPPED + "SELECT pg_temp.book({jam}, 2, 0, 'return', pg_temp.happen('{first_order}',"
        " 'returned', 'shipped', 'shipped', pg_temp.back({jam}, 1, 1)));"
        "UPDATE order_line SET returned = 2 WHERE order_id = '{first_order}'",
        {"returns_are_in_the_events"},
    ),
    Damage(
        "an order is returned of which the customer still has some",
        SHIPPED + "SELECT pg_temp.book({jam}, 3, 0, 'return', pg_temp.happen('{first_order}',"
        " 'returned', 'shipped', 'returned', pg_temp.back({jam}, 3, 0)));"
        "UPDATE order_line SET returned = 3 WHERE order_id = '{first_order}'",
        {"returned_orders_came_back_whole"},
    ),
    Damage(
        "an order came back whole and is not returned",
        SHIPPED + "SELECT pg_temp.happen('{first_order}', 'returned', 'shipped', 'shipped',"
        " pg_temp.back({jam}, 0, 7));"
        "UPDATE order_line SET returned = 7 WHERE order_id = '{first_order}'",
        {"returned_orders_came_back_whole"},
    ),
]

CART = """
INSERT INTO cart (customer_id, "order", number, version, created_at, updated_at, lines)
VALUES ({anna.pk}, gen_random_uuid(), 999, 2, now(), now(),
        '[{{"id": 999, "product": {jam}, "quantity": 9, "unit_price": "1.25"}}]');
"""
"""Anna's cart, with more jam than there is, at the price of yesterday."""

UNPLACED = [
    Damage(
        "an order was written without being placed",
        """
        WITH made AS (
            INSERT INTO "order" (id, customer_id, status, currency, total, units, note, reference,
                                 created_at, updated_at, placed_at, version)
            VALUES (gen_random_uuid(), {anna.pk}, 'placed', 'GBP', 9 * 1.25, 9, '', '', now(),
                    now(), now(), 1)
            RETURNING id
        )
        INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
        SELECT id, {jam}, 'J', 'J', 1.25, 9, now() FROM made
        """,
        {"order_lines_are_in_the_ledger", "status_is_that_of_the_last_event"},
    ),
]

PAYMENTS = [
    Damage(
        "the sums of an order's payments were rewritten",
        'UPDATE "order" SET authorised = 0, captured = 500, refunded = 0, disputed = 0'
        " WHERE id = '{first_order}'",
        {"sums_of_payments_are_those_of_the_records"},
    ),
    Damage(
        "a payment was recorded without counting it",
        'INSERT INTO payment ("order", provider, kind, transaction_id, intent, amount, currency,'
        " at, recorded_at, actor) VALUES ('{first_order}', 'p', 'captured', 't', '', 1, 'GBP',"
        " now(), now(), gen_random_uuid())",
        {
            "sums_of_payments_are_those_of_the_records",
            "refunds_due_are_what_is_held_too_much",
        },
    ),
    Damage(
        "a refund is due without a payment",
        'INSERT INTO refund_due ("order", currency, amount, since)'
        " VALUES ('{first_order}', 'GBP', 5, now())",
        {"refunds_due_are_what_is_held_too_much"},
    ),
    Damage(
        "a payment with an abandoned id is no refund due",
        'INSERT INTO payment ("order", provider, kind, transaction_id, intent, amount, currency,'
        " at, recorded_at, actor) VALUES (gen_random_uuid(), 'p', 'captured', 't', '', 1, 'GBP',"
        " now(), now(), gen_random_uuid())",
        {"refunds_due_are_what_is_held_too_much"},
    ),
]
"""What may happen to payments."""
