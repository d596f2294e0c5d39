import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0013_deleting_pictures")]

    operations = [
        # With a default of the database: no row is written, and servers of the running version
        # insert products while the column is already there.
        migrations.AddField(
            model_name="product",
            name="tags",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40),
                blank=True,
                db_default=[],
                default=list,
                help_text=(
                    "Labels for staff, with commas between them. Customers do not see them."
                ),
                size=25,
            ),
        ),
    ]
