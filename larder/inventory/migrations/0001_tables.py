import django.db.models.deletion
import larder.core.ids
import larder.db.fields
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("common", "0001_tables"),
        ("catalog", "0001_tables"),
    ]

    operations = [
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("actor", models.UUIDField()),
                ("reason", models.CharField(max_length=40)),
                ("at", models.DateTimeField()),
                (
                    "note",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=2000, verbose_name="note"
                    ),
                ),
            ],
            options={
                "verbose_name": "adjustment",
                "verbose_name_plural": "adjustments",
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
                ("next_expiry", models.DateTimeField(editable=False, null=True)),
                ("transaction_id", larder.db.fields.TransactionId(editable=False)),
            ],
            options={
                "default_permissions": (),
                "db_table": "stock",
                "indexes": [
                    models.Index(fields=["transaction_id", "product"], name="stock_feed")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("available__gte", 0)), name="stock_available"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("committed__gte", 0)), name="stock_committed"
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
                ("reference", models.CharField(max_length=64, verbose_name="reference")),
                ("actor", models.UUIDField()),
                ("at", models.DateTimeField()),
                (
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="inventory.stock",
                    ),
                ),
            ],
            options={
                "verbose_name": "ledger entry",
                "verbose_name_plural": "ledger entries",
                "db_table": "ledger_entry",
                "indexes": [models.Index(fields=["product", "id"], name="ledger_entry_history")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reference", "product", "cause"), name="ledger_entry_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("available_after__gte", 0), ("committed_after__gte", 0)
                        ),
                        name="ledger_entry_balances",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HeldLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("order", models.UUIDField()),
                ("event", models.UUIDField()),
                ("quantity", models.IntegerField()),
                ("expires_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(null=True)),
                (
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="inventory.stock",
                    ),
                ),
            ],
            options={
                "db_table": "held_line",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("released_at__isnull", True)),
                        fields=["product", "expires_at"],
                        name="held_line_expiry",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "product"), name="held_line_once"),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gte", 1)), name="held_line_quantity"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CountedProduct",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("actor", models.UUIDField()),
                ("counted", models.IntegerField()),
                ("on_shelf", models.BigIntegerField()),
                ("is_moved", models.BooleanField(default=False)),
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
                "db_table": "counted_product",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("actor", "product"), name="counted_product_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("counted__gte", 0)), name="counted_product_counted"
                    ),
                ],
            },
        ),
        move_to_schema(
            "inventory", "adjustment", "stock", "ledger_entry", "held_line", "counted_product"
        ),
    ]
