from django.db import migrations

ROLES = ("owner", "support")


def give(apps, schema_editor):
    """Gives the permission to these roles. Django itself makes it only after the last migration."""
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    kind, _ = content_types.get_or_create(app_label="orders", model="order")
    permission, _ = (
        apps.get_model("auth", "Permission")
        .objects.using(database)
        .get_or_create(
            content_type=kind,
            codename="confirm_order",
            defaults={"name": "Can confirm orders that await their payment"},
        )
    )
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=ROLES):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0019_names_of_keys"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
