from django.db import migrations

# Events never change, lines hardly ever: they are frozen once, a part of the table at a time,
# however large it has become, and no later vacuum has to read them again.
KEEP_COST = """
ALTER TABLE orders.order_event SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
ALTER TABLE orders.order_line SET (autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000, autovacuum_freeze_min_age = 0);
"""
FORGET = """
ALTER TABLE orders.order_event RESET (autovacuum_vacuum_insert_scale_factor,
    autovacuum_vacuum_insert_threshold, autovacuum_freeze_min_age);
ALTER TABLE orders.order_line RESET (autovacuum_vacuum_insert_scale_factor,
    autovacuum_vacuum_insert_threshold, autovacuum_freeze_min_age);
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_returned")]

    operations = [migrations.RunSQL(KEEP_COST, FORGET)]
