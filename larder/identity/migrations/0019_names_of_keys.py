"""Empties the names of keys of deleted accounts, which deletions did not reach."""

from django.db import migrations

EMPTY_NAMES = """
UPDATE identity.key SET name = '' FROM identity.customer
WHERE customer.id = key.customer_id AND customer.deleted_at IS NOT NULL AND key.name <> ''
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0018_names_in_admin_log")]

    operations = [migrations.RunSQL(EMPTY_NAMES, migrations.RunSQL.noop)]
