import django.db.models.deletion
from django.db import migrations, models

from larder.db.database import move_to_schema

# Notes are append-only for every role.
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON orders.order_note
FOR EACH ROW EXECUTE FUNCTION orders.refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0017_tracking_search")]

    operations = [
        migrations.CreateModel(
            name="OrderNote",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("actor", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("text", models.CharField(max_length=2000)),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="orders.order",
                    ),
                ),
            ],
            options={
                "db_table": "order_note",
                "default_permissions": (),
                "indexes": [models.Index(fields=["order", "id"], name="order_note_history")],
            },
        ),
        move_to_schema("orders", "order_note"),
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER append_only ON orders.order_note"),
    ]
