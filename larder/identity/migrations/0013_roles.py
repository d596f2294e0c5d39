from django.db import migrations

from larder.identity.permissions import PERMISSIONS, ROLES, STAFF_BEFORE_ROLES

MODELS = {"manage_rights": "customer"}
# In the admin, staff who could change orders could move them, and staff who saw them could export
# them.
IMPLIED = {
    "orders.change_order": [
        f"orders.{move}_order" for move in ("cancel", "pack", "ship", "deliver", "return")
    ],
    "orders.view_order": ["orders.export_order"],
}


def _permissions(apps, database):
    """Returns the permissions by name. Django itself makes them only after the last migration."""
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    rows = apps.get_model("auth", "Permission").objects.using(database)
    found = {}
    for name, text in PERMISSIONS.items():
        app, _, codename = name.partition(".")
        model = MODELS.get(codename, codename.rpartition("_")[2])
        kind, _ = content_types.get_or_create(app_label=app, model=model)
        found[name], _ = rows.get_or_create(
            content_type=kind, codename=codename, defaults={"name": f"Can {text}"}
        )
    return found


def make_roles(apps, schema_editor):
    database = schema_editor.connection.alias
    permissions = _permissions(apps, database)
    customers = apps.get_model("identity", "Customer").objects.using(database)
    groups = apps.get_model("auth", "Group").objects.using(database)
    for granted, more in IMPLIED.items():
        added = [permissions[name] for name in more]
        for group in groups.filter(permissions=permissions[granted]):
            group.permissions.add(*added)
        for customer in customers.filter(user_permissions=permissions[granted]):
            customer.user_permissions.add(*added)
    for name, held in ROLES.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.add(*(permissions[one] for one in held))
    before = groups.get(name=STAFF_BEFORE_ROLES)
    for customer in customers.filter(is_staff=True, is_superuser=False):
        customer.groups.add(before)


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0012_former_version"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="customer",
            options={"permissions": (("manage_rights", "Can make accounts staff, and give roles"),)},
        ),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
