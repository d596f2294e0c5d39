-- Earlier orders, number %(first)s to %(last)s of %(all)s, one every ten seconds until now.
-- Customer 1 has every tenth order, customer 2 fifty of the first thousand; product 1 is in every
-- third order, product 2 in sixty of the first thousand. Orders of the status `packed` (customer
-- 1's) and `returned` (others') are among the first thousand alone: rare, and far back.
WITH placed AS MATERIALIZED (
    SELECT n, now() - make_interval(secs => 10.0 * (%(all)s - n)) AS moment,
           uuidv7(make_interval(secs => -10.0 * (%(all)s - n))) AS id,
           CASE WHEN n %% 10 = 0 THEN 1 WHEN n <= 1000 AND n %% 20 = 1 THEN 2
                ELSE 4 + n * 7919 %% (%(all)s / 50 - 1) END AS customer,
           CASE WHEN n <= 1000 AND n %% 20 = 0 THEN 'packed'
                WHEN n <= 1000 AND n %% 16 = 3 THEN 'returned'
                WHEN n > %(all)s - 200 THEN 'placed'
                WHEN n %% 50 = 7 THEN 'cancelled'
                ELSE 'delivered' END AS status,
           CASE WHEN n %% 3 = 0 THEN 1 WHEN n <= 1000 AND n %% 16 = 2 THEN 2
                ELSE 3 + n * 7919 %% 499 END AS one,
           502 + n * 7907 %% 499 AS other
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
), written AS (
    INSERT INTO orders."order" (id, customer_id, status, currency, total, note, reference,
                                created_at, placed_at, updated_at, version)
    SELECT id, customer, status, 'GBP', 12.500, '', '', moment, moment, moment, 1
    FROM placed ORDER BY n
)
INSERT INTO orders.order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
SELECT id, product, 'SKU-' || product, 'Ceramic storage jar no. ' || product, 2.500, 2, moment
FROM placed, LATERAL (VALUES (one), (other)) AS line (product) ORDER BY n
