from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0008_password_change")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="retried",
            field=models.IntegerField(null=True),
        ),
    ]
