from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0025_customer_note")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="email_by",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="password_by",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="passwordreset",
            name="shown_to",
            field=models.UUIDField(null=True),
        ),
    ]
