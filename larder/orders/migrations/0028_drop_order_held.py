from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    # The index is dropped while the shop is open.
    atomic = False

    dependencies = [("orders", "0027_sales_of_booked_days")]

    operations = [RemoveIndexConcurrently("order", "order_held")]
