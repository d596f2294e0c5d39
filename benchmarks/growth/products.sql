-- Products number %(first)s to %(last)s, each with its stock, the ledger entry that explains it,
-- and a row in the feed.
WITH made AS (
    INSERT INTO catalog.product (id, public_id, sku, name, description, price, unit, barcode,
                                 image_url, min_quantity, step, created_at, updated_at, version)
    SELECT n, uuidv7(), 'GROWTH-' || n, 'Ceramic storage jar no. ' || n, '',
           0.50 + n * 7 %% 2000 / 100.0, '', '', '', 1, 1, now(), now(), 1
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
), shelved AS (
    INSERT INTO inventory.stock (product_id, available, committed)
    SELECT n, %(stock)s, 0 FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
), opened AS (
    INSERT INTO inventory.ledger_entry (product_id, available_change, committed_change,
                                        available_after, committed_after, cause, reference, actor,
                                        at)
    SELECT n, %(stock)s, 0, %(stock)s, 0, 'opening', n::text, '00000000-0000-0000-0000-000000000000', now()
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
)
INSERT INTO catalog.product_change (product_id)
SELECT n FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
