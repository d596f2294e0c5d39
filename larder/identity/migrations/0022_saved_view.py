import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("identity", "0021_customer_by_trigram")]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("page", models.CharField(max_length=40)),
                ("name", models.CharField(max_length=100)),
                ("query", models.CharField(max_length=2000)),
                ("is_shared", models.BooleanField(default=False)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "saved_view",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "page", "name"), name="saved_view_name"
                    )
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_shared", True)),
                        fields=["page", "name", "id"],
                        name="saved_view_shared",
                    )
                ],
            },
        ),
        move_to_schema("identity", "saved_view"),
    ]
