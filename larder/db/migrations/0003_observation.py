from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [
        ("common", "0002_idempotency_key"),
    ]

    operations = [
        migrations.CreateModel(
            name="Observation",
            fields=[
                ("subject", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("found", models.JSONField()),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "observation"},
        ),
        move_to_schema("common", "observation"),
    ]
