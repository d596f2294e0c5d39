import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema

# Notes are never changed. They are deleted with the account.
NEVER_CHANGED = """
CREATE FUNCTION identity.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_changed BEFORE UPDATE ON identity.customer_note
FOR EACH ROW EXECUTE FUNCTION identity.refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0024_credential_of_factor")]

    operations = [
        migrations.CreateModel(
            name="CustomerNote",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("actor", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("text", models.CharField(max_length=2000)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "customer_note",
                "default_permissions": (),
                "indexes": [models.Index(fields=["customer", "id"], name="customer_note_history")],
            },
        ),
        move_to_schema("identity", "customer_note"),
        migrations.RunSQL(NEVER_CHANGED, "DROP FUNCTION identity.refuse_change() CASCADE"),
    ]
