from django.db import migrations, models

from larder.db.database import move_to_schema

NEVER_CHANGED = """
CREATE TRIGGER never_changed BEFORE UPDATE ON identity.note
FOR EACH ROW EXECUTE FUNCTION identity.refuse_change();
"""
COPY = """
INSERT INTO identity.note (object, actor, at, text)
SELECT 'customer:' || customer.public_id, note.actor, note.at, note.text
FROM identity.customer_note AS note JOIN identity.customer ON customer.id = note.customer_id
ORDER BY note.id;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0031_recovery_codes")]

    operations = [
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("object", models.CharField(max_length=100)),
                ("actor", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("text", models.CharField(max_length=2000)),
            ],
            options={
                "db_table": "note",
                "default_permissions": (),
                "indexes": [models.Index(fields=["object", "id"], name="note_history")],
            },
        ),
        move_to_schema("identity", "note"),
        migrations.RunSQL(NEVER_CHANGED + COPY, "DROP TRIGGER never_changed ON identity.note"),
        migrations.DeleteModel(name="CustomerNote"),
    ]
