-- A change of a product puts it into the feed again. The column's default puts new ones there.
CREATE FUNCTION catalog.tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction_id := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER tell_change BEFORE UPDATE ON catalog.product
FOR EACH ROW EXECUTE FUNCTION catalog.tell_change();
