import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import larder.core.ids
import larder.db.fields
from django.conf import settings
from django.db import migrations, models

from larder.db.database import move_to_schema


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("common", "0001_tables"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
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
                    models.UUIDField(default=larder.core.ids.new_id, editable=False, unique=True),
                ),
                ("username", models.CharField(max_length=150, verbose_name="username")),
                (
                    "email",
                    models.EmailField(blank=True, default="", max_length=254, verbose_name="email"),
                ),
                (
                    "first_name",
                    models.CharField(
                        blank=True, default="", max_length=150, verbose_name="first name"
                    ),
                ),
                (
                    "last_name",
                    models.CharField(
                        blank=True, default="", max_length=150, verbose_name="last name"
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        verbose_name="is active",
                    ),
                ),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        verbose_name="is staff",
                    ),
                ),
                (
                    "may_order",
                    models.BooleanField(
                        default=True, verbose_name="may order"
                    ),
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
                ("email_by", models.UUIDField(editable=False, null=True)),
                ("password_by", models.UUIDField(editable=False, null=True)),
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
                "verbose_name": "customer",
                "verbose_name_plural": "customers",
                "db_table": "customer",
                "permissions": (("manage_rights", "Can make accounts staff, and give roles"),),
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
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor", models.UUIDField()),
                ("channel", models.CharField(max_length=40)),
                ("object", models.CharField(max_length=100, verbose_name="object")),
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
        migrations.CreateModel(
            name="Key",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(blank=True, default="", max_length=100, verbose_name="name"),
                ),
                ("digest", models.BinaryField(unique=True)),
                ("generation", models.IntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True, verbose_name="Ended")),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "permissions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), null=True, size=None
                    ),
                ),
                ("expires_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True, verbose_name="Last used")),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "db_table": "key",
                "default_permissions": ("view", "delete"),
            },
        ),
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
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("digest", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
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
                "db_table": "recovery_code",
            },
        ),
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("credential", models.BinaryField(db_column="data")),
                ("counter", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "second_factor",
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=larder.core.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("policy", models.CharField(db_column="door", max_length=20)),
                ("generation", models.IntegerField(default=0)),
                ("is_retried", models.BooleanField(db_default=False, default=False)),
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
            ],
            options={
                "db_table": "session",
            },
        ),
        migrations.AddIndex(
            model_name="customer",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func(
                    larder.db.fields.Fold(
                        django.db.models.functions.text.Concat(
                            "username",
                            models.Value(" "),
                            "email",
                            models.Value(" "),
                            "first_name",
                            models.Value(" "),
                            "last_name",
                            output_field=models.TextField(),
                        )
                    ),
                    function="trigrams",
                ),
                name="customer_search",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(
                larder.db.fields.Fold("username"), name="customer_username_unique"
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
        migrations.AddIndex(
            model_name="address",
            index=models.Index(fields=["customer", "id"], name="address_of_customer"),
        ),
        migrations.AddConstraint(
            model_name="key",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None), ("generation__isnull", False)),
                fields=("customer",),
                name="key_one_derived",
            ),
        ),
        migrations.AddConstraint(
            model_name="recoverycode",
            constraint=models.UniqueConstraint(
                fields=("customer", "digest"), name="recovery_code_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="secondfactor",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "totp")),
                fields=("customer",),
                name="second_factor_one_app",
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
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["customer", "ended_at"], name="session_of_account"),
        ),
        move_to_schema(
            "identity",
            "customer",
            "customer_groups",
            "customer_user_permissions",
            "address",
            "audit_entry",
            "key",
            "note",
            "recovery_code",
            "second_factor",
            "session",
        ),
    ]
