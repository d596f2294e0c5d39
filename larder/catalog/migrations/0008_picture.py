from django.db import migrations, models
from django.db.models import Q

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_validate_constraints")]

    operations = [
        migrations.CreateModel(
            name="Picture",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("unused_since", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "picture",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=Q(unused_since__isnull=False),
                        fields=["unused_since", "key"],
                        name="picture_unused",
                    )
                ],
            },
        ),
        move_to_schema("catalog", "picture"),
    ]
