import larder.core.ids
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("common", "0001_tables"),
    ]

    operations = [
        migrations.CreateModel(
            name="Mail",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("about", models.UUIDField()),
                ("recipient", models.EmailField(blank=True, default="", max_length=254)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "mail",
                "indexes": [models.Index(fields=["created_at"], name="mail_age")],
            },
        ),
        move_to_schema("notifications", "mail"),
    ]
