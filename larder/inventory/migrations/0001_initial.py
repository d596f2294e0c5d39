import django.contrib.postgres.fields
import django.db.models.deletion
import larder.core.ids
from django.db import migrations, models

from larder.db.database import move_to_schema

# The ledger is append-only for every role, the owner included.
APPEND_ONLY = """
CREATE FUNCTION inventory.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory.ledger_entry
FOR EACH ROW EXECUTE FUNCTION inventory.refuse_change();
"""

# A product without a stock row could be neither locked nor sold: there is none.
STOCK_ROW = """
CREATE FUNCTION inventory.make_stock_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO inventory.stock (product_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER make_stock_row AFTER INSERT ON catalog.product
FOR EACH ROW EXECUTE FUNCTION inventory.make_stock_row();
"""

# Archiving waits for the orders that are being placed and is waited for by the next: placing
# reads archived_at under the lock of the stock row.
ARCHIVE_WAITS = """
CREATE FUNCTION inventory.lock_stock_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM inventory.stock WHERE product_id = NEW.id FOR UPDATE;
    RETURN NEW;
END $$;
CREATE TRIGGER lock_stock_row BEFORE UPDATE OF archived_at ON catalog.product
FOR EACH ROW EXECUTE FUNCTION inventory.lock_stock_row();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("common", "0001_schemas"),
        ("catalog", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("actor", models.UUIDField()),
                ("reason", models.CharField(max_length=40)),
                ("at", models.DateTimeField()),
                (
                    "products",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), editable=False, size=None
                    ),
                ),
            ],
            options={
                "db_table": "adjustment",
            },
        ),
        migrations.CreateModel(
            name="Stock",
            fields=[
                (
                    "product",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="stock",
                        serialize=False,
                        to="catalog.product",
                    ),
                ),
                ("available", models.IntegerField(db_default=0, default=0)),
                ("committed", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "verbose_name_plural": "stock",
                "db_table": "stock",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("available__gte", 0)),
                        name="stock_available",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("committed__gte", 0)),
                        name="stock_committed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("available_change", models.IntegerField()),
                ("committed_change", models.BigIntegerField()),
                ("available_after", models.IntegerField()),
                ("committed_after", models.BigIntegerField()),
                ("cause", models.CharField(max_length=40)),
                ("reference", models.CharField(max_length=64)),
                ("actor", models.UUIDField()),
                ("at", models.DateTimeField()),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="inventory.stock",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger entries",
                "db_table": "ledger_entry",
                "indexes": [
                    models.Index(fields=["product", "id"], name="ledger_entry_history")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("product", "cause", "reference"),
                        name="ledger_entry_once",
                    )
                ],
            },
        ),
        move_to_schema("inventory", "stock", "adjustment", "ledger_entry"),
        migrations.RunSQL(
            APPEND_ONLY, "DROP FUNCTION inventory.refuse_change() CASCADE"
        ),
        migrations.RunSQL(
            STOCK_ROW, "DROP FUNCTION inventory.make_stock_row() CASCADE"
        ),
        migrations.RunSQL(
            ARCHIVE_WAITS, "DROP FUNCTION inventory.lock_stock_row() CASCADE"
        ),
    ]
