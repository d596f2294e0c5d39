-- What orders touch is in the memory of a shop that has been open for a while.
--
-- An order finds its customer and the newest pages of every table where the one before it left
-- them. What it touches anywhere are its products: their rows, their stock, and the places of their
-- history and of their ledger. In a shop of a million products each of a few thousand orders is the
-- first of its products since PostgreSQL started: their pages would come from the disk, into memory
-- that the kernel has to clear first. That is a cost of the start and not of the size.

SELECT sum(available) FROM inventory.stock;
SELECT sum(price) FROM catalog.product;

-- Indexes are walked from end to end, and nothing is sent.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT product_id FROM inventory.stock ORDER BY product_id OFFSET 1000000000;
SELECT id FROM catalog.product ORDER BY id OFFSET 1000000000;
SELECT product_id, placed_at, order_id FROM orders.order_line
ORDER BY product_id, placed_at, order_id OFFSET 1000000000;
SELECT product_id, id FROM inventory.ledger_entry ORDER BY product_id, id OFFSET 1000000000;
