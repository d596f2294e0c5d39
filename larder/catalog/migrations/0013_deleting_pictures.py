from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0012_validate_tax_rate")]

    operations = [
        migrations.AddField(
            model_name="picture", name="deleting_at", field=models.DateTimeField(null=True)
        ),
    ]
