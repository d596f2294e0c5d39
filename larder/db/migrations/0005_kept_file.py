from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [("common", "0004_rate_limit")]

    operations = [
        migrations.CreateModel(
            name="KeptFile",
            fields=[
                ("actor", models.UUIDField(primary_key=True, serialize=False)),
                ("file", models.UUIDField()),
                ("content", models.BinaryField()),
                ("fingerprint", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField()),
            ],
            options={"db_table": "kept_file", "default_permissions": ()},
        ),
        move_to_schema("common", "kept_file"),
    ]
