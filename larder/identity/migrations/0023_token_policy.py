from django.db import migrations, models


class Migration(migrations.Migration):
    """Names the field as the code does. The column stays as it is."""

    dependencies = [("identity", "0021_customer_by_trigram")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("session", "door", "policy"),
                migrations.AlterField(
                    "session", "policy", models.CharField(db_column="door", max_length=20)
                ),
            ]
        ),
    ]
