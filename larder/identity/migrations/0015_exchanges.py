from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0014_audit_entry")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="exchanges",
            field=models.JSONField(null=True),
        ),
    ]
