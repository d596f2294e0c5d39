from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0015_sales_days")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="carrier",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="order",
            name="tracking_number",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
