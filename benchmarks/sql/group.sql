-- Twenty orders of three lines in one statement and one transaction.
-- first, products: the first product id and how many follow.
\set third :products / 3
WITH placed AS MATERIALIZED (
    SELECT place, uuidv7() AS order_id, uuidv7() AS event_id,
           :first_customer::bigint + floor(random() * :customers::int)::int AS customer_id
    FROM generate_series(1, 20) AS place
), wanted AS MATERIALIZED (
    SELECT place, position, 1 + floor(random() * 3)::int AS units,
           :first::bigint + (position - 1) * :third::int
                          + floor(random() * :third::int)::int AS product_id
    FROM generate_series(1, 20) AS place, generate_series(1, 3) AS position
), locked AS MATERIALIZED (
    SELECT product_id, available, committed, next_expiry FROM stock
    WHERE product_id = ANY(ARRAY(SELECT product_id FROM wanted)) ORDER BY product_id FOR NO KEY UPDATE
), moved AS (
    UPDATE stock SET available = stock.available - taken.units,
                     committed = stock.committed + taken.units
    FROM locked JOIN (SELECT product_id, sum(units) AS units FROM wanted GROUP BY product_id) taken
         USING (product_id)
    WHERE stock.product_id = locked.product_id
), priced AS MATERIALIZED (
    SELECT place, position, id, sku, name, price, units,
           sum(units) OVER (PARTITION BY product_id ORDER BY place)::int AS taken
    FROM wanted JOIN product ON id = product_id WHERE archived_at IS NULL
), entry AS (
    INSERT INTO ledger_entry (product_id, available_change, committed_change, available_after,
                              committed_after, cause, reference, actor, at)
    SELECT product_id, -units, units, available - taken, committed + taken, 'order',
           event_id::text, public_id, now()
    FROM priced JOIN locked ON product_id = id JOIN placed USING (place)
         JOIN customer ON customer.id = customer_id
    ORDER BY place
), new_order AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, units, note, reference,
                         created_at, placed_at, updated_at, version)
    SELECT order_id, customer_id, 'placed', 'GBP',
           (SELECT sum(price * units) FROM priced WHERE priced.place = placed.place),
           (SELECT sum(units) FROM priced WHERE priced.place = placed.place), '',
           'pgbench', now(), now(), now(), 1
    FROM placed
    RETURNING number
), line AS (
    INSERT INTO order_line (placed_at, order_id, product_id, sku, name, unit_price, quantity)
    SELECT now(), order_id, id, sku, name, price, units FROM priced JOIN placed USING (place)
    ORDER BY place, position
), event AS (
    INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT event_id, order_id, 'placed', '', 'placed', public_id, now(), '{}'
    FROM placed JOIN customer ON customer.id = customer_id
)
SELECT count(*) FROM new_order;
