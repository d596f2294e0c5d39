import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.functions.datetime
import larder.core.ids
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema

# Whoever deactivates an account, by whatever road, ends its sessions: access tokens are signed
# and not looked up, the list of ended sessions is.
END_SESSIONS = """
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
    initial = True

    dependencies = [
        ("common", "0001_schemas"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="last login"
                    ),
                ),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "public_id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, editable=False, unique=True
                    ),
                ),
                ("username", models.CharField(max_length=150)),
                ("email", models.EmailField(blank=True, default="", max_length=254)),
                (
                    "first_name",
                    models.CharField(blank=True, default="", max_length=150),
                ),
                ("last_name", models.CharField(blank=True, default="", max_length=150)),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Without it the customer cannot log in; open sessions end.",
                    ),
                ),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False, help_text="May use the admin and staff requests."
                    ),
                ),
                (
                    "may_order",
                    models.BooleanField(default=True, help_text="May place orders."),
                ),
                (
                    "date_joined",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "db_table": "customer",
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("door", models.CharField(max_length=20)),
                ("generation", models.IntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("rotated_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "session",
            },
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("username"),
                name="customer_username_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                condition=models.Q(("email", ""), _negated=True),
                name="customer_email_unique",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["ended_at"],
                name="session_ended",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["expires_at"], name="session_expiry"),
        ),
        move_to_schema(
            "identity",
            "customer",
            "session",
            "customer_groups",
            "customer_user_permissions",
        ),
        migrations.RunSQL(
            END_SESSIONS, "DROP FUNCTION identity.end_sessions() CASCADE"
        ),
    ]
