import django.contrib.postgres.fields
from django.db import migrations, models

OWNER = "owner"
ADDED = {
    "view_key": "Can see the API keys of all accounts",
    "delete_key": "Can end API keys of other accounts",
}


def give_to_owners(apps, schema_editor):
    """Gives the permissions to the role that has all. Django itself makes them only after the last
    migration."""
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    kind, _ = content_types.get_or_create(app_label="identity", model="key")
    rows = apps.get_model("auth", "Permission").objects.using(database)
    groups = apps.get_model("auth", "Group").objects.using(database)
    for codename, name in ADDED.items():
        permission, _ = rows.get_or_create(
            content_type=kind, codename=codename, defaults={"name": name}
        )
        for owner in groups.filter(name=OWNER):
            owner.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0015_exchanges"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AddField(
            model_name="key",
            name="permissions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40), null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="key",
            name="expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="key",
            name="last_used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterModelOptions(
            name="key", options={"default_permissions": ("view", "delete")}
        ),
        migrations.RunPython(give_to_owners, migrations.RunPython.noop),
    ]
