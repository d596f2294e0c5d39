from django.db import migrations, models

from larder.db.fields import Fold

# Names that were different before and are equal when folded are kept: all but one have a number. An
# active account goes before others, and then the oldest.
KEEP_TWINS = """
UPDATE identity.customer SET username_twin = number FROM (
    SELECT id, row_number() OVER (
        PARTITION BY common.fold(username) ORDER BY NOT is_active, id
    ) - 1 AS number
    FROM identity.customer
) AS numbered
WHERE numbered.id = customer.id AND number > 0
"""


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0027_customer_search"),
        ("common", "0006_fold"),
    ]

    operations = [
        migrations.AddField(
            "customer",
            "username_twin",
            models.SmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.RunSQL(KEEP_TWINS, migrations.RunSQL.noop),
        migrations.RemoveConstraint("customer", "customer_username_unique"),
        migrations.AddConstraint(
            "customer",
            models.UniqueConstraint(
                Fold("username"), models.F("username_twin"), name="customer_username_unique"
            ),
        ),
    ]
