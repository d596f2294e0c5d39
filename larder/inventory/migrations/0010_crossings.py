from django.db import migrations

# A product is in stock as long as the smallest order of it can be filled: the least multiple of its
# step that is not below its fewest units. One insert for each statement, of the products that go in
# or out of stock; the rules are read by product_pkey. A change of the rules is in the feed anyway.
TELL = """
DROP TRIGGER tell_crossing ON inventory.stock;
CREATE FUNCTION inventory.tell_crossings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog.product_change (product_id)
    SELECT product_id FROM former JOIN present USING (product_id)
    CROSS JOIN LATERAL (
        SELECT (min_quantity + step - 1) / step * step AS fewest
        FROM catalog.product WHERE id = product_id
    ) AS rules
    WHERE (former.available >= fewest) <> (present.available >= fewest)
    ORDER BY product_id;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_crossings AFTER UPDATE ON inventory.stock
REFERENCING OLD TABLE AS former NEW TABLE AS present
FOR EACH STATEMENT EXECUTE FUNCTION inventory.tell_crossings();
DROP FUNCTION inventory.tell_crossing();
"""

TELL_AS_BEFORE = """
DROP TRIGGER tell_crossings ON inventory.stock;
DROP FUNCTION inventory.tell_crossings();
CREATE FUNCTION inventory.tell_crossing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog.product_change (product_id) VALUES (NEW.product_id);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_crossing AFTER UPDATE ON inventory.stock
FOR EACH ROW WHEN ((OLD.available = 0) <> (NEW.available = 0))
EXECUTE FUNCTION inventory.tell_crossing();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0009_counted_product"),
        ("catalog", "0015_product_by_tag"),
    ]

    operations = [migrations.RunSQL(TELL, TELL_AS_BEFORE)]
