-- Earlier orders, number %(first)s to %(last)s of %(all)s, one every ten seconds until now, of
-- three products each, and everything that placing them writes: the books balance.
-- Customer 1 has every tenth order; the others have fifty each.
WITH placed AS MATERIALIZED (
    SELECT n, moment, uuidv7(ago) AS id, uuidv7(ago) AS event, customer.id AS customer_id,
           customer.public_id AS actor
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
         LATERAL (SELECT make_interval(secs => -10.0 * (%(all)s - n)) AS ago) AS back,
         LATERAL (SELECT now() + ago AS moment) AS dated,
         LATERAL (SELECT CASE WHEN n %% 10 = 0 THEN 1
                              ELSE 2 + n * 7919 %% (%(customers)s - 1) END AS who) AS buying
    JOIN identity.customer ON customer.id = who
), line AS MATERIALIZED (
    SELECT n, id, event, actor, moment, place, product_id, 2 AS units
    FROM placed, LATERAL (VALUES
        (1, 1 + n * 7919 %% (%(products)s / 3)),
        (2, 1 + %(products)s / 3 + n * 7907 %% (%(products)s / 3)),
        (3, 1 + %(products)s / 3 * 2 + n * 7901 %% (%(products)s / 3))
    ) AS chosen (place, product_id)
), written AS (
    INSERT INTO orders."order" (id, customer_id, status, currency, total, note, reference,
                                created_at, placed_at, updated_at, lines_fingerprint,
                                rest_fingerprint, version)
    SELECT id, customer_id, 'placed', 'GBP', 15.000, '', '', moment, moment, moment,
           sha256(uuid_send(id)), sha256(uuid_send(event)), 1
    FROM placed ORDER BY n
), events AS (
    INSERT INTO orders.order_event (id, order_id, type, from_status, to_status, actor, at, data)
    SELECT event, id, 'placed', '', 'placed', actor, moment, '{}' FROM placed ORDER BY n
), booked AS (
    INSERT INTO inventory.ledger_entry (product_id, available_change, committed_change,
                                        available_after, committed_after, cause, reference, actor,
                                        at)
    SELECT product_id, -units, units, available - sold, committed + sold, 'order', event::text,
           actor, moment
    FROM (SELECT *, sum(units) OVER (PARTITION BY product_id ORDER BY n) AS sold FROM line) AS moved
    JOIN inventory.stock USING (product_id) ORDER BY n, place
), taken AS (
    UPDATE inventory.stock SET available = available - sold, committed = committed + sold
    FROM (SELECT product_id, sum(units) AS sold FROM line GROUP BY product_id) AS moved
    WHERE stock.product_id = moved.product_id
)
INSERT INTO orders.order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
SELECT id, product_id, 'GROWTH-' || product_id, 'Ceramic storage jar no. ' || product_id, 2.500,
       units, moment
FROM line ORDER BY n, place
