from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0005_held_lines")]

    operations = [
        migrations.AddField(
            model_name="adjustment",
            name="note",
            field=models.CharField(blank=True, db_default="", default="", max_length=2000),
        ),
    ]
