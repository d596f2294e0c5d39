-- A change of a product puts it into the feed again. The column's default puts new ones there.
CREATE FUNCTION catalog.tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction_id := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER tell_change BEFORE UPDATE ON catalog.product
FOR EACH ROW EXECUTE FUNCTION catalog.tell_change();

-- The deletion of an unused picture waits for the transaction that gives the picture to a product,
-- and then finds it in use (catalog/services/stored_pictures.py).
CREATE FUNCTION catalog.keep_picture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog.picture SET unused_since = NULL
    WHERE key = substring(NEW.image_url, '/([0-9a-f]{64})(?:-[0-9]+)?[.]webp$')
      AND unused_since IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_picture AFTER INSERT OR UPDATE OF image_url ON catalog.product
FOR EACH ROW WHEN (NEW.image_url LIKE '%.webp') EXECUTE FUNCTION catalog.keep_picture();
