import django.db.models.deletion
import larder.core.ids
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema

# Whoever deactivates an account, by whatever road, ends its sessions and its keys; deleting
# deactivates too.
END_CREDENTIALS = """
DROP FUNCTION identity.end_sessions() CASCADE;
CREATE FUNCTION identity.end_credentials() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity.session SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    UPDATE identity.key SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER end_credentials AFTER UPDATE OF is_active ON identity.customer
FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active)
EXECUTE FUNCTION identity.end_credentials();
"""

END_SESSIONS = """
DROP FUNCTION identity.end_credentials() CASCADE;
CREATE FUNCTION identity.end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity.session SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER end_sessions AFTER UPDATE OF is_active ON identity.customer
FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active)
EXECUTE FUNCTION identity.end_sessions();
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="deleted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="version",
            field=models.IntegerField(db_default=1, default=1, editable=False),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("deleted_at", None),
                    models.Q(
                        ("email", ""),
                        ("is_active", False),
                        ("is_staff", False),
                        ("is_superuser", False),
                        ("may_order", False),
                    ),
                    _connector="OR",
                ),
                name="customer_deleted_is_nobody",
            ),
        ),
        migrations.CreateModel(
            name="Key",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("digest", models.BinaryField(unique=True)),
                ("generation", models.IntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "key"},
        ),
        migrations.AddConstraint(
            model_name="key",
            constraint=models.UniqueConstraint(
                fields=["customer"],
                name="key_one_derived",
                condition=models.Q(("ended_at", None), ("generation__isnull", False)),
            ),
        ),
        move_to_schema("identity", "key"),
        migrations.RunSQL(END_CREDENTIALS, END_SESSIONS),
    ]
