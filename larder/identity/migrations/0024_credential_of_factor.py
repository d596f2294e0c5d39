from django.db import migrations, models


class Migration(migrations.Migration):
    """Names the field as the code does. The column stays as it is."""

    dependencies = [("identity", "0023_token_policy")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("secondfactor", "data", "credential"),
                migrations.AlterField(
                    "secondfactor", "credential", models.BinaryField(db_column="data")
                ),
            ]
        ),
    ]
