import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.functions.datetime
import larder.core.ids
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema

# Deactivating an account, however it is done, ends its keys.
END_CREDENTIALS = """
CREATE FUNCTION identity.end_credentials() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity.key SET ended_at = clock_timestamp()
    WHERE customer_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER end_credentials AFTER UPDATE OF is_active ON identity.customer
FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active)
EXECUTE FUNCTION identity.end_credentials();
"""

# It ends the sessions too, by the account's epoch. An epoch never decreases: a save of the whole
# row may be of a row that was read before the epoch was raised.
RAISE_EPOCH = """
CREATE FUNCTION identity.raise_session_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.session_epoch < OLD.session_epoch THEN
        NEW.session_epoch := OLD.session_epoch;
        NEW.epoch_raised_at := OLD.epoch_raised_at;
    END IF;
    IF OLD.is_active AND NOT NEW.is_active THEN
        NEW.session_epoch := NEW.session_epoch + 1;
        NEW.epoch_raised_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER raise_session_epoch BEFORE UPDATE OF is_active, session_epoch ON identity.customer
FOR EACH ROW
WHEN ((OLD.is_active AND NOT NEW.is_active) OR NEW.session_epoch < OLD.session_epoch)
EXECUTE FUNCTION identity.raise_session_epoch();
"""

# A process of the version before epochs accepts a session unless the session itself is ended. So
# the sessions that an epoch ends are marked too: as ended at their last use, so that servers do not
# read them again as newly ended. The limit bounds the write; no account gets as many sessions.
MARK_ENDED = """
CREATE FUNCTION identity.mark_ended_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity.session SET ended_at = rotated_at
    WHERE id = ANY(ARRAY(
        SELECT id FROM identity.session
        WHERE customer_id = NEW.id AND epoch = OLD.session_epoch AND ended_at IS NULL
        LIMIT 1000
    )) AND ended_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_ended_sessions AFTER UPDATE OF is_active, session_epoch ON identity.customer
FOR EACH ROW WHEN (NEW.session_epoch > OLD.session_epoch)
EXECUTE FUNCTION identity.mark_ended_sessions();
"""

# Such a process opens sessions without an epoch.
SET_EPOCH = """
CREATE FUNCTION identity.set_session_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.epoch := greatest(
        NEW.epoch, (SELECT session_epoch FROM identity.customer WHERE id = NEW.customer_id)
    );
    RETURN NEW;
END $$;
CREATE TRIGGER set_session_epoch BEFORE INSERT ON identity.session
FOR EACH ROW EXECUTE FUNCTION identity.set_session_epoch();
"""


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("identity", "0001_initial"),
        ("identity", "0002_keys_and_deletion"),
        ("identity", "0003_addresses"),
        ("identity", "0004_sessions_of_a_customer"),
        ("identity", "0005_password_reset"),
        ("identity", "0006_email_since"),
        ("identity", "0007_email_change"),
        ("identity", "0008_password_change"),
        ("identity", "0009_second_exchange"),
        ("identity", "0010_session_epoch"),
        ("identity", "0011_session_indexes"),
        ("identity", "0012_former_version"),
    ]

    dependencies = [
        ("common", "0001_squashed_0004_rate_limit"),
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
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                ("version", models.IntegerField(db_default=1, default=1, editable=False)),
                ("email_since", models.DateTimeField(editable=False, null=True)),
                (
                    "password_change",
                    models.CharField(
                        blank=True, db_default="", default="", editable=False, max_length=128
                    ),
                ),
                ("session_epoch", models.IntegerField(db_default=0, default=0, editable=False)),
                ("epoch_raised_at", models.DateTimeField(editable=False, null=True)),
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
                "indexes": [
                    models.Index(
                        condition=models.Q(("epoch_raised_at__isnull", False)),
                        fields=["epoch_raised_at"],
                        name="customer_epoch_raised",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("username"),
                        name="customer_username_unique",
                    ),
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"),
                        condition=models.Q(("email", ""), _negated=True),
                        name="customer_email_unique",
                    ),
                    models.CheckConstraint(
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
                ],
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
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("client", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("retried", models.IntegerField(null=True)),
                ("epoch", models.IntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "session",
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", False)),
                        fields=["ended_at"],
                        name="session_ended",
                    ),
                    models.Index(fields=["expires_at"], name="session_expiry"),
                    models.Index(
                        fields=["customer", "epoch", "ended_at"], name="session_of_account"
                    ),
                ],
            },
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
            options={
                "db_table": "key",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["customer"],
                        name="key_one_derived",
                        condition=models.Q(("ended_at", None), ("generation__isnull", False)),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Address",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("label", models.CharField(blank=True, default="", max_length=100)),
                ("name", models.CharField(blank=True, default="", max_length=200)),
                ("company", models.CharField(blank=True, default="", max_length=200)),
                ("line1", models.CharField(blank=True, default="", max_length=200)),
                ("line2", models.CharField(blank=True, default="", max_length=200)),
                ("city", models.CharField(blank=True, default="", max_length=200)),
                ("region", models.CharField(blank=True, default="", max_length=200)),
                ("postal_code", models.CharField(blank=True, default="", max_length=64)),
                ("country", models.CharField(blank=True, default="", max_length=2)),
                ("phone", models.CharField(blank=True, default="", max_length=64)),
                ("created_at", models.DateTimeField()),
                ("version", models.IntegerField(default=1, editable=False)),
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
                "db_table": "address",
                "indexes": [models.Index(fields=["customer", "id"], name="address_of_customer")],
            },
        ),
        migrations.CreateModel(
            name="PasswordReset",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "password_reset",
                "indexes": [models.Index(fields=["created_at"], name="password_reset_age")],
            },
        ),
        migrations.CreateModel(
            name="EmailChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("former", models.EmailField(blank=True, max_length=254)),
                ("changed_at", models.DateTimeField()),
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
                "db_table": "email_change",
                "indexes": [
                    models.Index(fields=["changed_at"], name="email_change_age"),
                    models.Index(
                        fields=["customer", "changed_at"], name="email_change_of_customer"
                    ),
                ],
            },
        ),
        move_to_schema(
            "identity",
            "customer",
            "session",
            "customer_groups",
            "customer_user_permissions",
            "key",
            "address",
            "password_reset",
            "email_change",
        ),
        migrations.RunSQL(
            END_CREDENTIALS + RAISE_EPOCH + MARK_ENDED + SET_EPOCH,
            """
            DROP FUNCTION identity.end_credentials() CASCADE;
            DROP FUNCTION identity.raise_session_epoch() CASCADE;
            DROP FUNCTION identity.mark_ended_sessions() CASCADE;
            DROP FUNCTION identity.set_session_epoch() CASCADE;
            """,
        ),
    ]
