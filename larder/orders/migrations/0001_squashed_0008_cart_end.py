import django.db.models.deletion
import larder.db.fields
import larder.core.ids
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema

# The events of an order are append-only for every role.
APPEND_ONLY = """
CREATE FUNCTION orders.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON orders.order_event
FOR EACH ROW EXECUTE FUNCTION orders.refuse_change();
"""

# A line has the moment of its order, so that the history of a product is one walk of an index.
# The statements that place orders write it themselves. The triggers are for every other writer, and
# do nothing where the moment is there already.
DATE_LINES = """
CREATE FUNCTION orders.date_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders.order_line AS line SET placed_at = placed.placed_at FROM orders."order" AS placed
    WHERE line.id = NEW.id AND placed.id = NEW.order_id AND placed.placed_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER date_line AFTER INSERT ON orders.order_line
FOR EACH ROW WHEN (NEW.placed_at IS NULL) EXECUTE FUNCTION orders.date_line();

CREATE FUNCTION orders.date_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders.order_line SET placed_at = NEW.placed_at
    WHERE order_id = NEW.id AND placed_at IS DISTINCT FROM NEW.placed_at;
    RETURN NULL;
END $$;
CREATE TRIGGER date_lines AFTER UPDATE OF placed_at ON orders."order"
FOR EACH ROW WHEN (OLD.placed_at IS DISTINCT FROM NEW.placed_at)
EXECUTE FUNCTION orders.date_lines();
"""

# A change of a placed order puts it into the feed of its customer again. The column's default puts
# new orders there, so placing them runs no trigger. Drafts are in no feed.
TELL_CHANGE = """
CREATE FUNCTION orders.tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction_id := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER tell_change BEFORE UPDATE ON orders."order"
FOR EACH ROW WHEN (NEW.placed_at IS NOT NULL) EXECUTE FUNCTION orders.tell_change();
"""

# Events never change, lines hardly ever: they are frozen once, a part of the table at a time, and
# no later vacuum reads them again.
KEEP_COST = """
ALTER TABLE orders.order_event SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
ALTER TABLE orders.order_line SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
"""

# A foreign key is checked by a lock of the row that it refers to, which writes to the row's page.
# Placing locks and writes the stock of an ordered product, but not the product: a key to the
# product was a third of the log of an order in a shop of a million products (docs/explain/performance.md,
# "Growth"). Every stock row has its product, so a line has one as well.
LINE_OF_STOCK = """
ALTER TABLE orders.order_line ADD CONSTRAINT order_line_product_id_e620902d_fk_stock_product_id
FOREIGN KEY (product_id) REFERENCES inventory.stock (product_id) DEFERRABLE INITIALLY DEFERRED
"""

# The end of a cart, submitted or deleted, leaves the cart's id: the ETag of an absent cart changes.
# One transaction at a time writes the row of a customer: it holds the customer's only draft.
END_CART = """
CREATE FUNCTION orders.end_cart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders.cart_end (customer_id, cart) VALUES (OLD.customer_id, OLD.id)
    ON CONFLICT (customer_id) DO UPDATE SET cart = excluded.cart;
    RETURN NULL;
END $$;
CREATE TRIGGER end_submitted_cart AFTER UPDATE OF status ON orders."order"
FOR EACH ROW WHEN (OLD.status = 'draft' AND NEW.status <> 'draft')
EXECUTE FUNCTION orders.end_cart();
CREATE TRIGGER end_deleted_cart AFTER DELETE ON orders."order"
FOR EACH ROW WHEN (OLD.status = 'draft') EXECUTE FUNCTION orders.end_cart();
"""

DROP_FUNCTIONS = """
DROP FUNCTION orders.refuse_change() CASCADE;
DROP FUNCTION orders.date_line() CASCADE;
DROP FUNCTION orders.date_lines() CASCADE;
DROP FUNCTION orders.tell_change() CASCADE;
DROP FUNCTION orders.end_cart() CASCADE;
"""

# In the words of the queries. Orders without a reference are in neither of the two indexes.
PLACED = models.Q(("placed_at__isnull", False))
REFERENCED = models.Q(("placed_at__isnull", False), models.Q(("reference", ""), _negated=True))


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("orders", "0001_initial"),
        ("orders", "0002_history"),
        ("orders", "0003_feed"),
        ("orders", "0004_picked_and_referenced"),
        ("orders", "0005_returned"),
        ("orders", "0006_growth"),
        ("orders", "0007_lines_of_stock"),
        ("orders", "0008_cart_end"),
    ]

    dependencies = [
        ("common", "0001_squashed_0004_rate_limit"),
        ("catalog", "0001_squashed_0004_step_and_barcode"),
        ("inventory", "0001_squashed_0004_weaker_locks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "number",
                    larder.db.fields.IdentityNumber(editable=False, unique=True),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("placed", "Placed"),
                            ("packed", "Packed"),
                            ("shipped", "Shipped"),
                            ("delivered", "Delivered"),
                            ("cancelled", "Cancelled"),
                            ("returned", "Returned"),
                        ],
                        max_length=10,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("total", models.DecimalField(decimal_places=3, max_digits=24)),
                ("note", models.CharField(blank=True, default="", max_length=2000)),
                ("reference", models.CharField(blank=True, default="", max_length=200)),
                ("ship_to", models.JSONField(blank=True, null=True)),
                ("requested_for", models.DateField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("placed_at", models.DateTimeField(null=True)),
                ("updated_at", models.DateTimeField()),
                ("lines_fingerprint", models.BinaryField(null=True)),
                ("rest_fingerprint", models.BinaryField(null=True)),
                ("version", models.IntegerField(default=1, editable=False)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("transaction_id", larder.db.fields.TransactionId(editable=False)),
            ],
            options={
                "db_table": "order",
                "indexes": [
                    models.Index(
                        fields=["customer", "placed_at", "id"],
                        name="order_history",
                        condition=PLACED,
                    ),
                    models.Index(
                        fields=["customer", "status", "placed_at", "id"],
                        name="order_history_by_status",
                        condition=PLACED,
                    ),
                    models.Index(
                        fields=["customer", "reference", "placed_at", "id"],
                        name="order_history_by_reference",
                        condition=REFERENCED,
                    ),
                    models.Index(
                        fields=["placed_at", "id"], name="order_search", condition=PLACED
                    ),
                    models.Index(
                        fields=["status", "placed_at", "id"],
                        name="order_search_by_status",
                        condition=PLACED,
                    ),
                    models.Index(
                        fields=["reference", "placed_at", "id"],
                        name="order_search_by_reference",
                        condition=REFERENCED,
                    ),
                    models.Index(
                        fields=["customer", "transaction_id", "number"],
                        name="order_feed",
                        condition=PLACED,
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("total__gte", Decimal("0"))), name="order_total"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "draft",
                                    "placed",
                                    "packed",
                                    "shipped",
                                    "delivered",
                                    "cancelled",
                                    "returned",
                                ],
                            )
                        ),
                        name="order_status",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("placed_at__isnull", True), ("status", "draft")),
                            models.Q(
                                models.Q(("status", "draft"), _negated=True),
                                ("placed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="order_placed_at",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "draft")),
                        fields=("customer",),
                        name="order_one_draft",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("type", models.CharField(max_length=20)),
                ("from_status", models.CharField(max_length=10)),
                ("to_status", models.CharField(max_length=10)),
                ("actor", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("data", models.JSONField(default=dict)),
                ("transaction_id", larder.db.fields.TransactionId(editable=False)),
                ("position", larder.db.fields.IdentityNumber(editable=False)),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="orders.order",
                    ),
                ),
            ],
            options={
                "db_table": "order_event",
                "indexes": [
                    models.Index(fields=["order", "position"], name="order_event_history"),
                    models.Index(fields=["transaction_id", "position"], name="order_event_feed"),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("sku", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=1024)),
                ("unit_price", models.DecimalField(decimal_places=3, max_digits=12)),
                ("quantity", models.IntegerField()),
                ("returned", models.IntegerField(db_default=0, default=0)),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="orders.order",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.product",
                    ),
                ),
                ("placed_at", models.DateTimeField(editable=False, null=True)),
                ("ordered", models.IntegerField(blank=True, editable=False, null=True)),
            ],
            options={
                "db_table": "order_line",
                "indexes": [
                    models.Index(
                        fields=["product", "placed_at", "order"], name="order_line_search"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "product"), name="order_line_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("quantity__gte", 1),
                            ("returned__gte", 0),
                            ("unit_price__gte", Decimal("0")),
                        ),
                        name="order_line_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ordered__isnull", True),
                            ("ordered__gt", models.F("quantity")),
                            _connector="OR",
                        ),
                        name="order_line_ordered",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("returned__lte", models.F("quantity"))),
                        name="order_line_returned",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CartEnd",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("cart", models.UUIDField()),
            ],
            options={"db_table": "cart_end"},
        ),
        move_to_schema("orders", "order", "order_line", "order_event", "cart_end"),
        migrations.RunSQL(
            APPEND_ONLY + DATE_LINES + TELL_CHANGE + KEEP_COST + END_CART, DROP_FUNCTIONS
        ),
        # Django's model refers to the product, as queries do (`db_constraint=False`).
        migrations.RunSQL(LINE_OF_STOCK, migrations.RunSQL.noop),
    ]
