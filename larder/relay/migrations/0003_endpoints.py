from django.db import migrations

CODENAME, TITLE = "manage_endpoint", "Can manage webhooks"


def give_to_owners(apps, schema_editor):
    """Gives the permission, which Django itself makes only after the last migration, to the role of
    owners."""
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    kind, _ = content_types.get_or_create(app_label="relay", model="endpoint")
    permission, _ = (
        apps.get_model("auth", "Permission")
        .objects.using(database)
        .get_or_create(content_type=kind, codename=CODENAME, defaults={"name": TITLE})
    )
    for owner in apps.get_model("auth", "Group").objects.using(database).filter(name="owner"):
        owner.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("relay", "0002_devices"), ("identity", "0002_rules")]

    operations = [
        migrations.AlterModelOptions(
            name="endpoint",
            options={
                "default_permissions": (),
                "permissions": ((CODENAME, TITLE),),
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
            },
        ),
        migrations.RunPython(give_to_owners, migrations.RunPython.noop),
    ]
