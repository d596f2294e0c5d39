import django.contrib.postgres.fields
import django.db.models.deletion
import larder.core.ids
from django.db import migrations, models

from larder.db.database import move_to_schema

# The ledger is append-only for every role, also for the owner of the table.
APPEND_ONLY = """
CREATE FUNCTION inventory.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory.ledger_entry
FOR EACH ROW EXECUTE FUNCTION inventory.refuse_change();
"""

# Every product has a stock row: without one it could be neither locked nor sold.
STOCK_ROW = """
CREATE FUNCTION inventory.make_stock_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO inventory.stock (product_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER make_stock_row AFTER INSERT ON catalog.product
FOR EACH ROW EXECUTE FUNCTION inventory.make_stock_row();
"""

# Archiving takes the lock that placing takes: placing reads archived_at under the lock of the stock
# row. NO KEY UPDATE leaves the checks of foreign keys to the row (FOR KEY SHARE) alone.
ARCHIVE_WAITS = """
CREATE FUNCTION inventory.lock_stock_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM inventory.stock WHERE product_id = NEW.id FOR NO KEY UPDATE;
    RETURN NEW;
END $$;
CREATE TRIGGER lock_stock_row BEFORE UPDATE OF archived_at ON catalog.product
FOR EACH ROW EXECUTE FUNCTION inventory.lock_stock_row();
"""

# The catalogue's feed has a product that goes out of stock or comes back, not each unit sold. The
# condition is evaluated without a call of the function: other orders do not pay for it.
TELL = """
CREATE FUNCTION inventory.tell_crossing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog.product_change (product_id) VALUES (NEW.product_id);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_crossing AFTER UPDATE ON inventory.stock
FOR EACH ROW WHEN ((OLD.available = 0) <> (NEW.available = 0))
EXECUTE FUNCTION inventory.tell_crossing();
"""

# What keeps the cost of an order from growing with the shop (docs/explain/performance.md, "Growth").
# A stock row is updated by each order of its product. In a page that is half free the new version
# is beside the old one, no index changes, and the next reader of the page removes the old one.
# Ledger entries never change: they are frozen once, a part of the table at a time.
KEEP_COST = """
ALTER TABLE inventory.stock SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE inventory.ledger_entry SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
"""


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("inventory", "0001_initial"),
        ("inventory", "0002_crossings"),
        ("inventory", "0003_growth"),
        ("inventory", "0004_weaker_locks"),
    ]

    dependencies = [
        ("common", "0001_squashed_0004_rate_limit"),
        ("catalog", "0001_squashed_0004_step_and_barcode"),
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
                # References ascend with time: entries of one moment are in one page of the index.
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reference", "product", "cause"),
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
        migrations.RunSQL(TELL, "DROP FUNCTION inventory.tell_crossing() CASCADE"),
        migrations.RunSQL(KEEP_COST, migrations.RunSQL.noop),
    ]
