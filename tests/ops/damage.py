"""What damages are data in: the tools of their statements, and their shape."""

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
CREATE FUNCTION pg_temp.happen(to_order uuid, what text, before text, after text,
                               data jsonb DEFAULT '{}')
RETURNS text LANGUAGE sql AS $$
    UPDATE "order" SET status = after, transaction_id = pg_current_xact_id() WHERE id = to_order;
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    VALUES (gen_random_uuid(), to_order, what, before, after, gen_random_uuid(), now(), data)
    RETURNING id::text;
$$;
CREATE FUNCTION pg_temp.line(to_order uuid, of bigint)
RETURNS void LANGUAGE sql AS $$
    UPDATE "order" SET units = units + 1 WHERE id = to_order;
    INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
    SELECT id, of, 'H', 'H', 0, 1, placed_at FROM "order" WHERE id = to_order
$$;
CREATE FUNCTION pg_temp.key(of uuid, asked text, result text)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)
    VALUES (of, asked, 'k', '', result, now())
$$;
CREATE FUNCTION pg_temp.short(of bigint, ordered int, quantity int, missing boolean)
RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('picked', jsonb_build_array(jsonb_build_object(
        'product', $1, 'ordered', $2, 'quantity', $3, 'missing', $4)))
$$;
CREATE FUNCTION pg_temp.back(of bigint, restocked int, broken int)
RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('lines', jsonb_build_array(
        jsonb_build_object('product', $1, 'quantity', $2, 'restock', true),
        jsonb_build_object('product', $1, 'quantity', $3, 'restock', false)))
$$;
"""
"""`book` moves units as movements.move does, ledger and stock together; `happen` moves an
order as its services do, and gives the id of the event; `line` adds a unit to it that costs
nothing; `key` is what a request with an idempotency key leaves; `short` and `back` are what events
tell of what was not picked and of what came back."""


class Damage(NamedTuple):
    """Statements (fields are those of BusyShop) and the invariants they break: no others."""

    what: str
    statements: str
    breaks: set[str]
