from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0008_cart_end")]

    operations = [
        migrations.AlterModelOptions(
            name="order",
            options={
                "permissions": (
                    ("cancel_order", "Can cancel orders"),
                    ("pack_order", "Can pack orders"),
                    ("ship_order", "Can ship orders"),
                    ("deliver_order", "Can mark orders as delivered"),
                    ("return_order", "Can book returned units"),
                    ("export_order", "Can export the orders of all customers"),
                )
            },
        ),
    ]
