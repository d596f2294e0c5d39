import django.db.models.deletion
from django.db import migrations, models

import larder.db.fields
from larder.db.database import move_to_schema

# A statement writes one set of rows, however many products it changes.
WRITE = """
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
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProductChange",
            fields=[
                ("position", models.BigAutoField(primary_key=True, serialize=False)),
                ("transaction_id", larder.db.fields.TransactionId(editable=False)),
                (
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="catalog.product",
                    ),
                ),
            ],
            options={
                "db_table": "product_change",
                "indexes": [
                    models.Index(
                        fields=["transaction_id", "position"],
                        include=("product",),
                        name="product_change_feed",
                    )
                ],
            },
        ),
        move_to_schema("catalog", "product_change"),
        migrations.RunSQL(WRITE, "DROP FUNCTION catalog.write_product_changes() CASCADE"),
    ]
