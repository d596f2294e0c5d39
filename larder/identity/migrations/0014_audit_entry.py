import django.db.models.functions.datetime
from django.db import migrations, models

from larder.db.database import move_to_schema

# The audit trail is append-only for every role. The one exception is the retention: a transaction
# of the table's owner that names the beginning of a month deletes what is older, and only that.
APPEND_ONLY = """
CREATE FUNCTION identity.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    month text := nullif(current_setting('larder.audit_before', true), '');
BEGIN
    IF TG_OP = 'DELETE' AND month IS NOT NULL
        AND month::timestamptz = date_trunc('month', month::timestamptz, 'UTC')
        AND OLD.at < month::timestamptz
        AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON identity.audit_entry
FOR EACH ROW EXECUTE FUNCTION identity.refuse_audit_change();
"""

# A refused attempt is recorded once in an hour for each actor and operation.
ONE_REFUSAL = """
CREATE UNIQUE INDEX audit_entry_one_refusal
ON identity.audit_entry (actor, object, date_trunc('hour', at AT TIME ZONE 'UTC'))
WHERE action = 'refused';
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0013_roles")]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor", models.UUIDField()),
                ("channel", models.CharField(max_length=40)),
                ("object", models.CharField(max_length=100)),
                ("action", models.CharField(max_length=40)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit trail",
                "db_table": "audit_entry",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["object", "id"], name="audit_entry_of_object"),
                    models.Index(fields=["actor", "id"], name="audit_entry_of_actor"),
                    models.Index(fields=["at", "id"], name="audit_entry_by_time"),
                ],
            },
        ),
        move_to_schema("identity", "audit_entry"),
        migrations.RunSQL(
            APPEND_ONLY + ONE_REFUSAL, "DROP FUNCTION identity.refuse_audit_change() CASCADE"
        ),
    ]
