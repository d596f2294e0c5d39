-- The ledger is append-only for every role, also for the owner of the table.
CREATE FUNCTION inventory.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory.ledger_entry
FOR EACH ROW EXECUTE FUNCTION inventory.refuse_change();

-- Every product has a stock row: without one it could be neither locked nor sold.
CREATE FUNCTION inventory.make_stock_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO inventory.stock (product_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER make_stock_row AFTER INSERT ON catalog.product
FOR EACH ROW EXECUTE FUNCTION inventory.make_stock_row();

-- No row is deleted to which a row without a foreign key leads (ADR 74).
CREATE FUNCTION inventory.refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of % is never deleted, and keeps its key', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF product_id ON inventory.stock
FOR EACH ROW EXECUTE FUNCTION inventory.refuse_deletion();

-- Archiving takes the lock that placing takes: placing reads archived_at under the lock of the stock
-- row. NO KEY UPDATE leaves the checks of foreign keys to the row (FOR KEY SHARE) alone.
CREATE FUNCTION inventory.lock_stock_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM inventory.stock WHERE product_id = NEW.id FOR NO KEY UPDATE;
    RETURN NEW;
END $$;
CREATE TRIGGER lock_stock_row BEFORE UPDATE OF archived_at ON catalog.product
FOR EACH ROW EXECUTE FUNCTION inventory.lock_stock_row();

-- What keeps the cost of an order from growing with the shop. A stock row is updated by each order
-- of its product. In a page that is half free the new version is beside the old one, no index
-- changes, and the next reader of the page removes the old one. Ledger entries never change: they
-- are frozen once, a part of the table at a time.
ALTER TABLE inventory.stock SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE inventory.ledger_entry SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
