import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("orders", "0024_order_held")]

    operations = [
        migrations.CreateModel(
            name="OrderTags",
            fields=[
                (
                    "order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="tag_set",
                        serialize=False,
                        to="orders.order",
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=25
                    ),
                ),
            ],
            options={
                "db_table": "order_tags",
                "default_permissions": (),
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="order_by_tag")
                ],
            },
        ),
        move_to_schema("orders", "order_tags"),
    ]
