"""Empties the names of accounts in Django's log of the admin.

The log was written until the audit trail replaced it. It would keep the name of an account that is
deleted.
"""

from django.db import migrations

EMPTY_NAMES = """
UPDATE django_admin_log SET object_repr = ''
WHERE content_type_id = (
    SELECT id FROM django_content_type WHERE app_label = 'identity' AND model = 'customer')
"""


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0017_second_factor"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [migrations.RunSQL(EMPTY_NAMES, migrations.RunSQL.noop)]
