from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0002_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="refunddue",
            name="told",
            field=models.BigIntegerField(editable=False, null=True),
        ),
    ]
