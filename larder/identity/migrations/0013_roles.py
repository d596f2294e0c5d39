from django.db import migrations

# Permissions and roles as they were then: a later change of them has a migration of its own.
PERMISSIONS = {
    "catalog.view_product": "see products in the admin",
    "catalog.add_product": "add products, with their opening stock",
    "catalog.change_product": "change products and prices",
    "catalog.delete_product": "archive products",
    "catalog.view_category": "see categories in the admin",
    "catalog.add_category": "add categories",
    "catalog.change_category": "change categories",
    "catalog.delete_category": "delete categories",
    "inventory.view_stock": "see the stock in the admin",
    "inventory.view_ledgerentry": "see the ledger of a product",
    "inventory.view_adjustment": "see adjustments of stock",
    "inventory.add_adjustment": "adjust stock",
    "orders.view_order": "see the orders of all customers",
    "orders.add_order": "place and abandon orders for customers",
    "orders.change_order": "change lines and details of orders",
    "orders.cancel_order": "cancel orders",
    "orders.pack_order": "pack orders",
    "orders.ship_order": "ship orders",
    "orders.deliver_order": "mark orders as delivered",
    "orders.return_order": "book returned units",
    "orders.export_order": "export the orders of all customers",
    "identity.view_customer": "see all customers",
    "identity.add_customer": "add customers",
    "identity.change_customer": "change customers, and set their passwords",
    "identity.delete_customer": "delete customers' accounts",
    "identity.manage_rights": "make accounts staff, and give them roles",
    "identity.view_auditentry": "see the audit trail",
}
ROLES = {
    "viewer": [
        "catalog.view_category",
        "catalog.view_product",
        "identity.view_customer",
        "inventory.view_adjustment",
        "inventory.view_ledgerentry",
        "inventory.view_stock",
        "orders.view_order",
    ],
    "warehouse": [
        "catalog.view_category",
        "catalog.view_product",
        "inventory.add_adjustment",
        "inventory.view_adjustment",
        "inventory.view_ledgerentry",
        "inventory.view_stock",
        "orders.deliver_order",
        "orders.pack_order",
        "orders.return_order",
        "orders.ship_order",
        "orders.view_order",
    ],
    "catalogue": [
        "catalog.add_category",
        "catalog.add_product",
        "catalog.change_category",
        "catalog.change_product",
        "catalog.delete_category",
        "catalog.delete_product",
        "catalog.view_category",
        "catalog.view_product",
        "inventory.view_stock",
    ],
    "support": [
        "catalog.view_category",
        "catalog.view_product",
        "identity.add_customer",
        "identity.change_customer",
        "identity.delete_customer",
        "identity.view_customer",
        "inventory.view_adjustment",
        "inventory.view_ledgerentry",
        "inventory.view_stock",
        "orders.add_order",
        "orders.cancel_order",
        "orders.change_order",
        "orders.export_order",
        "orders.view_order",
    ],
    "owner": list(PERMISSIONS),
    "staff-before-roles": [
        "catalog.add_category",
        "catalog.add_product",
        "catalog.change_category",
        "catalog.change_product",
        "catalog.delete_category",
        "catalog.delete_product",
        "identity.add_customer",
        "identity.change_customer",
        "identity.delete_customer",
        "identity.view_customer",
        "inventory.add_adjustment",
        "inventory.view_ledgerentry",
        "orders.add_order",
        "orders.cancel_order",
        "orders.change_order",
        "orders.deliver_order",
        "orders.export_order",
        "orders.pack_order",
        "orders.return_order",
        "orders.ship_order",
        "orders.view_order",
    ],
}
STAFF_BEFORE_ROLES = "staff-before-roles"

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
