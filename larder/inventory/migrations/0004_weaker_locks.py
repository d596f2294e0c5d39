from django.db import migrations

# Whoever moves stock excludes each other, and leaves in peace who only needs the row to be there:
# foreign keys that lead to it are checked meanwhile (FOR KEY SHARE). Nobody changes its key.
LOCK = """
CREATE OR REPLACE FUNCTION inventory.lock_stock_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM inventory.stock WHERE product_id = NEW.id FOR {strength};
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0003_growth")]

    operations = [
        migrations.RunSQL(
            LOCK.format(strength="NO KEY UPDATE"), LOCK.format(strength="UPDATE")
        )
    ]
