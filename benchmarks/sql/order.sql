-- One order of three lines, as Larder writes it, in one statement and one transaction: no program
-- that places orders one by one can ask less of PostgreSQL.
-- first, products: the first product id and how many follow.
\set third :products / 3
\set a :first + random(0, :third - 1)
\set b :first + :third + random(0, :third - 1)
\set c :first + 2 * :third + random(0, :third - 1)
\set u random(1, 3)
\set v random(1, 3)
\set w random(1, 3)
\set customer :first_customer + random(0, :customers - 1)
WITH wanted (position, product_id, units) AS (
    VALUES (1, :a::bigint, :u::int), (2, :b::bigint, :v::int), (3, :c::bigint, :w::int)
), locked AS MATERIALIZED (
    SELECT product_id FROM stock WHERE product_id IN (SELECT product_id FROM wanted)
    ORDER BY product_id FOR NO KEY UPDATE
), moved AS (
    UPDATE stock SET available = stock.available - wanted.units,
                     committed = stock.committed + wanted.units
    FROM locked JOIN wanted USING (product_id)
    WHERE stock.product_id = locked.product_id
    RETURNING stock.product_id, wanted.units, stock.available, stock.committed
), placed AS MATERIALIZED (
    SELECT uuidv7() AS order_id, uuidv7() AS event_id, public_id AS actor, id AS customer_id
    FROM customer WHERE id = :customer::bigint
), priced AS (
    SELECT id, sku, name, price, units, position FROM wanted JOIN product ON id = product_id
    WHERE archived_at IS NULL
), entry AS (
    INSERT INTO ledger_entry (product_id, available_change, committed_change, available_after,
                              committed_after, cause, reference, actor, at)
    SELECT product_id, -units, units, available, committed, 'order', event_id::text, actor, now()
    FROM moved, placed
), new_order AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, units, note, reference,
                         created_at, placed_at, updated_at, version)
    SELECT order_id, customer_id, 'placed', 'GBP', (SELECT sum(price * units) FROM priced),
           (SELECT sum(units) FROM priced), '', 'pgbench', now(), now(), now(), 1
    FROM placed
    RETURNING number
), line AS (
    INSERT INTO order_line (placed_at, order_id, product_id, sku, name, unit_price, quantity)
    SELECT now(), order_id, id, sku, name, price, units FROM priced, placed ORDER BY position
), event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT event_id, order_id, 'placed', '', 'placed', actor, now(), '{}' FROM placed
)
SELECT number FROM new_order;
