from django.db import migrations, models

# Without a time, nothing was counted completely: everything is counted anew.
UNCOUNTED = "DELETE FROM orders.sales_mark WHERE at IS NULL"


class Migration(migrations.Migration):
    dependencies = [("orders", "0026_sales_change")]

    operations = [
        migrations.RunSQL(UNCOUNTED, migrations.RunSQL.noop),
        migrations.RemoveField("salesmark", "epoch"),
        migrations.RemoveField("salesmark", "transaction_id"),
        migrations.RemoveField("salesmark", "number"),
        migrations.RemoveField("salesmark", "days"),
        migrations.AlterField("salesmark", "at", models.DateTimeField()),
    ]
