from django.db import migrations

# The deletion of an unused picture waits for the transaction that gives the picture to a product, and
# then finds it in use (larder/catalog/services/stored_pictures.py).
KEEP = """
CREATE FUNCTION catalog.keep_picture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog.picture SET unused_since = NULL
    WHERE key = substring(NEW.image_url, '/([0-9a-f]{64})(?:-[0-9]+)?[.]webp$')
      AND unused_since IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_picture AFTER INSERT OR UPDATE OF image_url ON catalog.product
FOR EACH ROW WHEN (NEW.image_url LIKE '%.webp') EXECUTE FUNCTION catalog.keep_picture();
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0009_product_by_picture")]

    operations = [migrations.RunSQL(KEEP, "DROP FUNCTION catalog.keep_picture() CASCADE")]
