-- Events, payments and changes of sales are append-only for every role.
CREATE FUNCTION orders.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON orders.order_event
FOR EACH ROW EXECUTE FUNCTION orders.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON orders.payment
FOR EACH ROW EXECUTE FUNCTION orders.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON orders.sales_change
FOR EACH ROW EXECUTE FUNCTION orders.refuse_change();

-- No placed order is deleted: lines and events lead to it without a foreign key (ADR 74).
CREATE FUNCTION orders.refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a placed order is never deleted, and keeps its id'
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_deleted BEFORE DELETE OR UPDATE OF id ON orders."order"
FOR EACH ROW WHEN (OLD.placed_at IS NOT NULL) EXECUTE FUNCTION orders.refuse_deletion();

-- A change of a placed order puts it into the feed of its customer again. The column's default puts
-- new orders there, so placing them runs no trigger.
CREATE FUNCTION orders.tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction_id := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER tell_change BEFORE UPDATE ON orders."order"
FOR EACH ROW WHEN (NEW.placed_at IS NOT NULL) EXECUTE FUNCTION orders.tell_change();

-- Events never change, lines hardly ever: they are frozen once, a part of the table at a time, and
-- no later vacuum reads them again.
ALTER TABLE orders.order_event SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
ALTER TABLE orders.order_line SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
