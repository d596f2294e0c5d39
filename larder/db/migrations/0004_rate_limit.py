from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    dependencies = [
        ("common", "0003_observation"),
    ]

    operations = [
        migrations.CreateModel(
            name="RateLimit",
            fields=[
                ("key", models.UUIDField(primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
            options={
                "db_table": "rate_limit",
                "indexes": [models.Index(fields=["until"], name="rate_limit_until")],
            },
        ),
        # Rows change with every log-in, and the page they are on has room for their next version.
        migrations.RunSQL(
            "ALTER TABLE rate_limit SET UNLOGGED; ALTER TABLE rate_limit SET (fillfactor = 70)",
            "ALTER TABLE rate_limit SET LOGGED",
        ),
        move_to_schema("common", "rate_limit"),
    ]
