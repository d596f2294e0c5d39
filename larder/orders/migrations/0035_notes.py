from django.db import migrations

COPY = """
INSERT INTO identity.note (object, actor, at, text)
SELECT 'order:' || order_id, actor, at, text FROM orders.order_note ORDER BY id;
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0034_names"), ("identity", "0032_notes")]

    operations = [
        migrations.RunSQL(COPY, migrations.RunSQL.noop),
        migrations.DeleteModel(name="OrderNote"),
        migrations.DeleteModel(name="OrderTags"),
    ]
