-- A statement writes one set of rows, however many products it changes.
CREATE FUNCTION catalog.write_product_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog.product_change (product_id) SELECT id FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER write_new_products AFTER INSERT ON catalog.product
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION catalog.write_product_changes();
CREATE TRIGGER write_product_changes AFTER UPDATE ON catalog.product
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION catalog.write_product_changes();

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
